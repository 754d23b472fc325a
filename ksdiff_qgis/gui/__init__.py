"""What KSDiff adds to the main window; imported only where there is one."""
