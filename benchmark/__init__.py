"""The command line, the plan of cells, data sets, splits, training, evaluation and the results store."""
