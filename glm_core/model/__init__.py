"""The network: masks, transformer, soft prompts, checkpoints. Floor 4; imports nothing of training."""
