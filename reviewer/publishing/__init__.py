"""From a report to what is written on a code host: where it fits, what is new, and once only."""
