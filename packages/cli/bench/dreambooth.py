"""The DreamBooth step of dreambooth.ts in PyTorch and diffusers, as fast as it goes on a CPU without compiling.

Reads one request a line, {"steps": N}; answers with the milliseconds of every step and the memory of this process.
"""
import json
import os
import resource
import sys
import time

import torch
from diffusers import UNet2DConditionModel


def main():
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(settings["threads"])
    unet = UNet2DConditionModel.from_pretrained(settings["model"], subfolder="unet")
    unet = unet.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(unet.parameters(), lr=settings["learningRate"], weight_decay=1e-2, fused=True)
    rows, tokens, config = settings["rows"], settings["tokens"], unet.config
    height, width, channels = settings["latentShape"]
    noisy, target = (torch.randn(rows, channels, height, width).to(memory_format=torch.channels_last) for _ in range(2))
    hidden_states = torch.randn(rows, tokens, config.cross_attention_dim)

    def step(index):
        timesteps = (torch.arange(rows) * 100 + index) % 1000
        prediction = unet(noisy, timesteps, hidden_states).sample
        (instance, prior), (instance_target, prior_target) = prediction.chunk(2), target.chunk(2)
        mse = torch.nn.functional.mse_loss
        loss = mse(instance, instance_target) + mse(prior, prior_target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    print(json.dumps({"name": f"PyTorch {torch.__version__}", "parameters": sum(p.numel() for p in unet.parameters())}), flush=True)
    for line in sys.stdin:
        milliseconds = []
        for index in range(json.loads(line)["steps"]):
            start = time.perf_counter()
            step(index)
            milliseconds.append((time.perf_counter() - start) * 1e3)
        unit = 1 if sys.platform == "darwin" else 1024
        print(json.dumps({"milliseconds": milliseconds, "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
