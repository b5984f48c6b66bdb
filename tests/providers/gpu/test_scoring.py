from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from conftest_models import LoadedBase
