"""Values become text: tables for a terminal, TSV for a pipe, JSON for programs."""
