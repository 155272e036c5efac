"""What can be said against a data set whose files are all sound: copies, masks, texts, patients, numbers."""
