"""Pictures as SVG, which every browser shows and whose text stays text."""
