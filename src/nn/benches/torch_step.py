"""The training step of examples/step.rs in PyTorch, timed in CPU seconds."""

import argparse
import resource
import time

import torch
import torch.nn.functional as F
from torch import nn

WARM_UP = 3
# (transposed, inputs, outputs, stride)
BLOCKS = [
    (False, 64, 64, 1),
    (False, 64, 128, 2),
    (False, 128, 128, 1),
    (False, 128, 256, 2),
    (False, 256, 256, 1),
    (True, 256, 128, 2),
    (False, 128, 128, 1),
    (True, 128, 64, 2),
    (False, 64, 64, 1),
]
COMPARED = (4, 6, 8)


def block(transposed, inputs, outputs, stride):
    if transposed:
        conv = nn.ConvTranspose2d(inputs, outputs, 2, 2, bias=False)
    else:
        conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def cpu_ms():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    net = nn.ModuleList(block(*b) for b in BLOCKS).to(memory_format=layout)
    x = torch.randn(8, 64, 64, 64).to(memory_format=layout)
    targets = [
        torch.randn(8, c, s, s).to(memory_format=layout) for c, s in [(256, 16), (128, 32), (64, 64)]
    ]
    adam = torch.optim.Adam(net.parameters(), lr=5e-3, betas=(0.5, 0.999))

    def step():
        adam.zero_grad()
        value, outputs = x, []
        for i, layer in enumerate(net):
            value = layer(value)
            if i in COMPARED:
                outputs.append(value)
        loss = sum(
            (1 - F.cosine_similarity(a.flatten(1), b.flatten(1))).mean() for a, b in zip(outputs, targets)
        )
        loss.backward()
        adam.step()
        return loss.item()

    wall, cpu = [], []
    for i in range(WARM_UP + args.steps):
        wall_start, cpu_start = time.perf_counter(), cpu_ms()
        loss = step()
        if i >= WARM_UP:
            wall.append((time.perf_counter() - wall_start) * 1e3)
            cpu.append(cpu_ms() - cpu_start)
    wall.sort()
    cpu.sort()
    half = args.steps // 2
    name = "channels_last" if args.channels_last else "contiguous"
    print(
        f"PyTorch {torch.__version__} {name} threads {args.threads}: CPU ms min {cpu[0]:.0f} median {cpu[half]:.0f}, "
        f"wall ms min {wall[0]:.0f} median {wall[half]:.0f}, loss {loss:.4f}"
    )


if __name__ == "__main__":
    main()
