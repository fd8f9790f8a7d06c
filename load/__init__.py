"""How fast is it, and does every event arrive? Benchmarks (`python -m load.bench`) and load (`python -m load.run`)."""
