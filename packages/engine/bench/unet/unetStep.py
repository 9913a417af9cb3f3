"""The network of unetStep.ts in PyTorch. Reads {"steps": n} lines, answers {"milliseconds": [...], "peakRssBytes": n};
the first line answers what runs. usage: python unetStep.py '{"channels": [...], "side": n, "batch": n, ...}'"""
import json, math, resource, sys, time
import torch, torch.nn as nn, torch.nn.functional as F

size = json.loads(sys.argv[1])
torch.set_num_threads(size["threads"])
CHANNELS, SIDE, BATCH, CONTEXT, TOKENS = (size[k] for k in ("channels", "side", "batch", "contextWidth", "tokens"))
HEAD, TIME = 32, 256
last = len(CHANNELS) - 1


class ResNet(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.norm1, self.conv1, self.time = nn.GroupNorm(32, i), nn.Conv2d(i, o, 3, padding=1), nn.Linear(TIME, o)
        self.norm2, self.conv2 = nn.GroupNorm(32, o), nn.Conv2d(o, o, 3, padding=1)
        self.skip = nn.Conv2d(i, o, 1) if i != o else nn.Identity()

    def forward(self, x, t):
        h = self.conv1(F.silu(self.norm1(x))) + self.time(F.silu(t))[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    def __init__(self, c, context):
        super().__init__()
        self.heads = c // HEAD
        self.q, self.k, self.v = nn.Linear(c, c, False), nn.Linear(context, c, False), nn.Linear(context, c, False)
        self.out = nn.Linear(c, c)

    def forward(self, x, context):
        b, n, c = x.shape
        split = lambda t: t.view(b, -1, self.heads, HEAD).transpose(1, 2)
        h = F.scaled_dot_product_attention(split(self.q(x)), split(self.k(context)), split(self.v(context)))
        return self.out(h.transpose(1, 2).reshape(b, n, c))


class Transformer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.proj_in, self.proj_out = nn.GroupNorm(32, c), nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 1)
        self.norm1, self.attn1, self.norm2 = nn.LayerNorm(c), Attention(c, c), nn.LayerNorm(c)
        self.attn2, self.norm3 = Attention(c, CONTEXT), nn.LayerNorm(c)
        self.up, self.down = nn.Linear(c, c * 4), nn.Linear(c * 2, c)

    def forward(self, x, context):
        h = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        y = self.norm1(h)
        h = h + self.attn1(y, y)
        h = h + self.attn2(self.norm2(h), context)
        value, gate = self.up(self.norm3(h)).chunk(2, -1)
        h = h + self.down(value * F.gelu(gate))
        return self.proj_out(h.transpose(1, 2).reshape(x.shape)) + x


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        c = CHANNELS[0]
        self.conv_in, self.time1, self.time2 = nn.Conv2d(4, c, 3, padding=1), nn.Linear(64, TIME), nn.Linear(TIME, TIME)
        skips, self.downs, self.ups = [], nn.ModuleList(), nn.ModuleList()
        for i, o in enumerate(CHANNELS):
            down = [nn.Conv2d(o, o, 3, 2, 1)] if i < last else []
            self.downs.append(nn.ModuleList([ResNet(c, o), Transformer(o)] + down))
            c = o
            skips.append(c)
        self.mid, self.mid_attention = ResNet(c, c), Transformer(c)
        for i, o in enumerate(reversed(CHANNELS)):
            up = [nn.Conv2d(o, o, 3, padding=1)] if i < last else []
            self.ups.append(nn.ModuleList([ResNet(c + skips.pop(), o), Transformer(o)] + up))
            c = o
        self.norm_out, self.conv_out = nn.GroupNorm(32, c), nn.Conv2d(c, 4, 3, padding=1)

    def forward(self, x, t, context):
        angles = t[:, None] * torch.exp(torch.arange(32) * (-math.log(1e4) / 32))[None]
        temb = self.time2(F.silu(self.time1(torch.cat([angles.cos(), angles.sin()], 1))))
        h, skips = self.conv_in(x), []
        for block in self.downs:
            h = block[1](block[0](h, temb), context)
            skips.append(h)
            h = block[2](h) if len(block) > 2 else h
        h = self.mid_attention(self.mid(h, temb), context)
        for block in self.ups:
            h = block[1](block[0](torch.cat([h, skips.pop()], 1), temb), context)
            h = block[2](F.interpolate(h, scale_factor=2, mode="nearest")) if len(block) > 2 else h
        return self.conv_out(F.silu(self.norm_out(h)))


# PyTorch at its best on processors: channels last, fused optimizer.
torch.manual_seed(0)
net = UNet().to(memory_format=torch.channels_last)
optimizer = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.01, fused=True)
latents, noise = torch.randn(BATCH, 4, SIDE, SIDE), torch.randn(BATCH, 4, SIDE, SIDE)
context, timesteps = torch.randn(BATCH, TOKENS, CONTEXT), torch.arange(BATCH).float() * 100
noisy = (0.8 * latents + 0.6 * noise).to(memory_format=torch.channels_last)


def step():
    start = time.perf_counter()
    loss = F.mse_loss(net(noisy, timesteps, context), noise)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    loss.item()
    return (time.perf_counter() - start) * 1e3


print(json.dumps({"name": f"PyTorch {torch.__version__}"}), flush=True)
for line in sys.stdin:
    times = [step() for _ in range(json.loads(line)["steps"])]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"milliseconds": times, "peakRssBytes": peak}), flush=True)
