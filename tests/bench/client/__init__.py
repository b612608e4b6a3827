"""`make bench-client`: what recording costs a training script, beside the trackers that people use today."""
