"""Number formats of training loops."""

import torch

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}
