"""The results of runs and an attention explorer as one HTML page that opens anywhere."""
