"""What journeys are played with: applications mounted in the process, a browser without a screen, a clock."""
