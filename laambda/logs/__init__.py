"""What the functions of an app wrote, as one stream of lines."""
