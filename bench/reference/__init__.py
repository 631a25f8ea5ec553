"""Other systems that do the same job: as plain, and as fast, as their own documentation has it."""
