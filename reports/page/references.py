"""What to cite for the methods that every report uses."""

from __future__ import annotations

METHOD_REFERENCES = (
    """@inproceedings{hendrycks2019benchmarking,
  author    = {Hendrycks, Dan and Dietterich, Thomas},
  title     = {Benchmarking Neural Network Robustness to Common Corruptions and Perturbations},
  booktitle = {International Conference on Learning Representations},
  year      = {2019}
}""",
    """@article{maierhein2024metrics,
  author  = {Maier-Hein, Lena and Reinke, Annika and Godau, Patrick and others},
  title   = {Metrics reloaded: recommendations for image analysis validation},
  journal = {Nature Methods},
  volume  = {21},
  number  = {2},
  pages   = {195--212},
  year    = {2024}
}""",
    """@article{nikolov2021clinically,
  author  = {Nikolov, Stanislav and Blackwell, Sam and Zverovitch, Alexei and others},
  title   = {Clinically Applicable Segmentation of Head and Neck Anatomy for Radiotherapy: Deep Learning Algorithm
             Development and Validation Study},
  journal = {Journal of Medical Internet Research},
  volume  = {23},
  number  = {7},
  pages   = {e26151},
  year    = {2021}
}""",
    """@article{wilcoxon1945individual,
  author  = {Wilcoxon, Frank},
  title   = {Individual Comparisons by Ranking Methods},
  journal = {Biometrics Bulletin},
  volume  = {1},
  number  = {6},
  pages   = {80--83},
  year    = {1945}
}""",
    """@article{demsar2006statistical,
  author  = {Dem{\\v{s}}ar, Janez},
  title   = {Statistical Comparisons of Classifiers over Multiple Data Sets},
  journal = {Journal of Machine Learning Research},
  volume  = {7},
  pages   = {1--30},
  year    = {2006}
}""",
    """@article{holm1979simple,
  author  = {Holm, Sture},
  title   = {A Simple Sequentially Rejective Multiple Test Procedure},
  journal = {Scandinavian Journal of Statistics},
  volume  = {6},
  number  = {2},
  pages   = {65--70},
  year    = {1979}
}""",
    """@article{kerby2014simple,
  author  = {Kerby, Dave S.},
  title   = {The Simple Difference Formula: An Approach to Teaching Nonparametric Correlation},
  journal = {Comprehensive Psychology},
  volume  = {3},
  year    = {2014}
}""",
    """@article{owen2007pigeonhole,
  author  = {Owen, Art B.},
  title   = {The pigeonhole bootstrap},
  journal = {The Annals of Applied Statistics},
  volume  = {1},
  number  = {2},
  pages   = {386--411},
  year    = {2007}
}""",
    """@article{efron1987better,
  author  = {Efron, Bradley},
  title   = {Better Bootstrap Confidence Intervals},
  journal = {Journal of the American Statistical Association},
  volume  = {82},
  number  = {397},
  pages   = {171--185},
  year    = {1987}
}""",
    """@article{hesterberg2015what,
  author  = {Hesterberg, Tim C.},
  title   = {What Teachers Should Know About the Bootstrap: Resampling in the Undergraduate Statistics Curriculum},
  journal = {The American Statistician},
  volume  = {69},
  number  = {4},
  pages   = {371--386},
  year    = {2015}
}""",
)
"""BibTeX entries: corruption errors, choice of measures, surface Dice, the signed-rank test and its use for comparing
models, correction for many tests, effect size, bootstrap over crossed factors, its intervals and what small samples ask
of them."""
