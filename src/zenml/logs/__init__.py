"""What steps print, on its way to the terminal and into files."""
