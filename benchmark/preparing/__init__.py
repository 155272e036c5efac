"""From a download to a folder that a data set's loader reads, with a manifest; nothing is ever downloaded."""
