"""Makes torchvision ResNets with random weights, and what they compute, for the importer's test.

    python tests/python/teachers.py FOLDER
    TWINSPECT_TEACHER_FIXTURES=FOLDER cargo test -p twinspect-lab teacher

Needs torch, torchvision and safetensors. FOLDER gets one weight file a network and form (.pth and
.safetensors; one of them with the batch norms folded) and teachers.json. Nothing is downloaded.
"""

import argparse
import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import resnet

SIZE = 64
NETWORKS = ("resnet18", "resnet34", "resnet50", "wide_resnet50_2")


def randomise(network: torch.nn.Module) -> None:
    """Gives the batch norms statistics that matter, for a fresh norm does nothing."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.3, 0.3)
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 2.0)


def picture() -> torch.Tensor:
    """The value at (c, y, x) is sin(0.1 (c + 1) y) + cos(0.07 x)."""
    c = torch.arange(1, 4, dtype=torch.float64).view(3, 1, 1)
    y = torch.arange(SIZE, dtype=torch.float64).view(1, SIZE, 1)
    x = torch.arange(SIZE, dtype=torch.float64).view(1, 1, SIZE)
    return (torch.sin(0.1 * c * y) + torch.cos(0.07 * x)).float().unsqueeze(0)


def taps(network: resnet.ResNet) -> list[torch.Tensor]:
    """The outputs of the first three stages."""
    x = network.maxpool(network.relu(network.bn1(network.conv1(picture()))))
    found = []
    for stage in (network.layer1, network.layer2, network.layer3):
        x = stage(x)
        found.append(x)
    return found


def statistics(tap: torch.Tensor) -> dict:
    """What the test compares."""
    wide = tap.double()
    rows, columns = tap.shape[2:]
    found = {
        "dims": list(tap.shape),
        "mean": wide.mean().item(),
        "deviation": wide.std(correction=0).item(),
        "max": tap.max().item(),
        "first": tap[0, 0, 0, :4].tolist(),
        "centre": tap[0, :3, rows // 2, columns // 2].tolist(),
    }
    assert all(map(math.isfinite, [found["mean"], found["deviation"]]))
    return found


def folded(network: resnet.ResNet) -> dict[str, torch.Tensor]:
    """The state dict with each batch norm folded into the convolution before it."""
    modules = dict(network.named_modules())
    state = {}
    for name, module in modules.items():
        if isinstance(module, torch.nn.Conv2d) and not name.startswith("layer4"):
            norm = name.replace("conv", "bn")
            if name.endswith("downsample.0"):
                norm = name[:-1] + "1"
            fused = fuse_conv_bn_eval(module, modules[norm])
            state[f"{name}.weight"] = fused.weight.detach().contiguous()
            state[f"{name}.bias"] = fused.bias.detach().contiguous()
    return state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)

    fixtures = []
    for seed, name in enumerate(NETWORKS):
        torch.manual_seed(seed)
        network = getattr(resnet, name)(weights=None).eval()
        randomise(network)
        with torch.no_grad():
            known = [statistics(tap) for tap in taps(network)]
        # The .pth is whole, as torchvision's are; the .safetensors ends with stage 3.
        state = network.state_dict()
        torch.save(state, folder / f"{name}.pth")
        trunk = {key: v for key, v in state.items() if not key.startswith(("layer4", "fc"))}
        save_file(trunk, folder / f"{name}.safetensors")
        files = [f"{name}.pth", f"{name}.safetensors"]
        if name == "resnet18":
            save_file(folded(network), folder / f"{name}_folded.safetensors")
            files.append(f"{name}_folded.safetensors")
        for file in files:
            fixtures.append({"file": file, "name": name, "size": SIZE, "taps": known})
    (folder / "teachers.json").write_text(json.dumps(fixtures, indent=1))


if __name__ == "__main__":
    main()
