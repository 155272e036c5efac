"""biclip-bench: how far a medical image segmentation model can be trusted outside the lab."""

from pkgutil import extend_path

# The four packages live beside this folder in the repository and inside it once installed; this keeps
# `import biclip_bench` from the repository's root from hiding an installed copy.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"
