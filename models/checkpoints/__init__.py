"""From the keys of a file to a module that holds exactly those weights."""
