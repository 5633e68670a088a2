"""What a wheel has of its own beside the package and the code of ml/ that it needs: how it is loaded and asked."""
