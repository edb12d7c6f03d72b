"""Forward and back one release with live traffic: ``make upgrade``."""
