"""What the platform costs, measured beside other systems that do the same job."""
