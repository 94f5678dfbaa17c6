"""A Whisper small enough to learn from scratch in an hour on one CPU core.

The layers are openai-whisper's. Four additions make so small a budget enough: a small token table,
encoder heads initialised as local attention, a word classifier on every encoder position, and
supervised cross-attention.
"""

import math
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from whisper.model import ModelDimensions, MultiHeadAttention, Whisper, sinusoids

from samples.models.training.vocabulary import TIMESTAMPS, VOCABULARY, Vocabulary
from samples.models.training.windows import CONTEXT, FRAMES, Window

STATE: Final = 96
HEADS: Final = 3
ENCODER_LAYERS: Final = 3
DECODER_LAYERS: Final = 2
_HEAD: Final = STATE // HEADS
_OFFSETS: Final = ((-3, -1, 1), (-9, -4, 4), (-20, -8, 8))
"""The initial offset of each encoder head, in positions of 20 ms: small in the first layer, larger
in the later ones."""
_SHARPNESS: Final = 2.2


class Batch(NamedTuple):
    """Windows of one length, stacked: N windows of T encoder positions, S tokens.

    mel [N, 80, 2T], first [N], words [N, T], given [N, S] and wanted [N, S] as rows of the small
    table (-1: not scored), and the positions of the given and the wanted tokens, [N, S, T] bool.
    """

    mel: Tensor
    first: Tensor
    words: Tensor
    given: Tensor
    wanted: Tensor
    given_heard: Tensor
    wanted_heard: Tensor


@dataclass(frozen=True, slots=True)
class Losses:
    """The parts of the loss, and the accuracy of tokens, timestamps (±0.1 s) and positions."""

    text: Tensor
    words: Tensor
    aim: Tensor
    token_accuracy: float
    timestamp_accuracy: float
    word_accuracy: float


def dimensions(vocabulary: int) -> ModelDimensions:
    """Return the sizes of the model, for a vocabulary."""
    return ModelDimensions(
        n_mels=80,
        n_audio_ctx=FRAMES,
        n_audio_state=STATE,
        n_audio_head=HEADS,
        n_audio_layer=ENCODER_LAYERS,
        n_vocab=vocabulary,
        n_text_ctx=CONTEXT,
        n_text_state=STATE,
        n_text_head=HEADS,
        n_text_layer=DECODER_LAYERS,
    )


def collate(windows: list[Window], vocabulary: Vocabulary) -> Batch:
    """Stack windows of one length."""
    count, length = len(windows), windows[0].mel.shape[1] // 2
    tokens = min(CONTEXT, max(len(window.given) for window in windows))
    given = torch.zeros(count, tokens, dtype=torch.long)
    wanted = torch.full((count, tokens), -1)
    heard = torch.zeros(2, count, tokens, length, dtype=torch.bool)
    for row, window in enumerate(windows):
        for column, pair in enumerate(zip(window.given, window.wanted, strict=True)):
            if column == tokens:
                break
            given[row, column] = vocabulary.row(pair[0].token)
            if pair[1].token >= 0:
                wanted[row, column] = vocabulary.row(pair[1].token)
            for side, aimed in enumerate(pair):
                if aimed.low is not None and aimed.high is not None:
                    low = max(0, round(aimed.low) - window.first)
                    high = min(length, max(low + 1, round(aimed.high) - window.first + 1))
                    heard[side, row, column, low:high] = True
    return Batch(
        torch.stack([window.mel for window in windows]),
        torch.tensor([window.first for window in windows]),
        torch.stack([torch.from_numpy(window.words) for window in windows]),
        given,
        wanted,
        heard[0],
        heard[1],
    )


class TinyWhisper(nn.Module):
    """The model in training; `checkpoint` returns the official format."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.rows = len(vocabulary.used)
        self.whisper = Whisper(dimensions(self.rows))
        nn.init.normal_(self.whisper.decoder.token_embedding.weight, std=0.12)
        # Sinusoids at first, so that positions after a long prompt resemble earlier ones.
        self.whisper.decoder.positional_embedding.data.copy_(sinusoids(CONTEXT, STATE) * 0.1)
        # A timestamp is its sinusoid through one matrix: neighbours are similar from the start.
        self.times = nn.Parameter(torch.eye(STATE) * 0.25)
        self.rest = nn.Parameter(torch.randn(STATE) * 0.02)
        self.classifier = nn.Linear(STATE, len(vocabulary.words) + 1)
        self.register_buffer("clock", sinusoids(TIMESTAMPS, STATE), persistent=False)
        _look_around(self.whisper)

    def table(self) -> Tensor:
        """Return the small token table [rows + timestamps, state]."""
        clock = self.get_buffer("clock")
        return torch.cat([self.whisper.decoder.token_embedding.weight, clock @ self.times])

    def encode(self, mel: Tensor, first: Tensor) -> Tensor:
        """Encode windows [N, 80, 2T] that begin at positions [N], to [N, T, state]."""
        encoder = self.whisper.encoder
        x = functional.gelu(encoder.conv1(mel))
        x = functional.gelu(encoder.conv2(x)).permute(0, 2, 1)
        places = first[:, None] + torch.arange(x.shape[1])
        x = x + encoder.positional_embedding[places]
        for block in encoder.blocks:
            x = block(x)
        encoded: Tensor = encoder.ln_post(x)
        return encoded

    def decode(self, given: Tensor, encoded: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return logits [N, S, rows + timestamps + 1] and each layer's cross-attention.

        The last logit is of all unused tokens. They share one row, hence the logarithm of their
        number.
        """
        decoder = self.whisper.decoder
        table = self.table()
        x = functional.embedding(given, table) + decoder.positional_embedding[: given.shape[1]]
        attention = []
        for block in decoder.blocks:
            x = x + block.attn(block.attn_ln(x), mask=decoder.mask)[0]
            seen, weights = _cross_attend(block.cross_attn, block.cross_attn_ln(x), encoded)
            attention.append(weights)
            x = x + seen
            x = x + block.mlp(block.mlp_ln(x))
        x = decoder.ln(x)
        rest = (x @ self.rest).unsqueeze(-1) + math.log(self.vocabulary.unused)
        return torch.cat([x @ table.T, rest], -1), attention

    def forward(self, batch: Batch) -> Losses:
        """Score a batch."""
        encoded = self.encode(batch.mel, batch.first)
        logits, attention = self.decode(batch.given, encoded)
        guess = self.classifier(encoded)
        words = functional.cross_entropy(guess.flatten(0, 1), batch.words.flatten())
        scored = batch.wanted >= 0
        wanted = batch.wanted.clamp(min=0)
        timed = scored & (wanted >= self.rows)
        text = (_token_loss(logits, wanted, timed, self.rows) * scored).sum() / scored.sum()
        # The first layer may attend to the previous word; the last must attend to the next one,
        # because `transcribe` reads word times from its heads.
        aim = 0.5 * _aim_loss(attention[0][:, : HEADS // 2], batch.given_heard)
        aim = aim + _aim_loss(attention[-1], batch.wanted_heard)
        with torch.no_grad():
            best = logits.argmax(-1)
            spoken = batch.words > 0
            return Losses(
                text,
                words,
                aim,
                _share(best == wanted, scored & ~timed),
                _share((best - wanted).abs() <= 5, timed),  # noqa: PLR2004 (5 steps: 0.1 s)
                _share(guess.argmax(-1) == batch.words, spoken),
            )

    def checkpoint(self) -> dict[str, object]:
        """Return the official checkpoint: half precision, the whole vocabulary."""
        with torch.no_grad():
            small = self.table()
            whole = self.rest.detach()[None].repeat(VOCABULARY, 1)
            whole[list(self.vocabulary.used)] = small[: self.rows]
            first = self.vocabulary.first_timestamp
            whole[first : first + TIMESTAMPS] = small[self.rows :]
            state = dict(self.whisper.state_dict())
            state["decoder.token_embedding.weight"] = whole
            halves = {name: value.detach().half().contiguous() for name, value in state.items()}
        return {"dims": asdict(dimensions(VOCABULARY)), "model_state_dict": halves}


def _look_around(whisper: Whisper) -> None:
    """Initialise each encoder head as attention to a fixed offset.

    With sinusoids s(t), a query s(t) and a key s(t) turned by an angle for each frequency have
    their greatest product where the key is `offset` positions away.
    """
    slow = torch.exp(-math.log(10_000) / (STATE // 2 - 1) * torch.arange(STATE // 2))
    scale = math.sqrt(_SHARPNESS)
    with torch.no_grad():
        for block, offsets in zip(whisper.encoder.blocks, _OFFSETS, strict=True):
            query, key = block.attn.query.weight, block.attn.key.weight
            query.mul_(0.3)
            key.mul_(0.3)
            for head, offset in enumerate(offsets):
                for pair in range(_HEAD // 2):
                    turn = float(offset * slow[pair])
                    row = head * _HEAD + 2 * pair
                    sine, cosine = pair, STATE // 2 + pair
                    query[row, sine] += scale
                    query[row + 1, cosine] += scale
                    key[row, sine] += scale * math.cos(turn)
                    key[row, cosine] -= scale * math.sin(turn)
                    key[row + 1, cosine] += scale * math.cos(turn)
                    key[row + 1, sine] += scale * math.sin(turn)


def _cross_attend(
    attention: MultiHeadAttention, x: Tensor, encoded: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute Whisper's cross-attention; return the weights [N, heads, S, T] as well."""

    def split(value: Tensor) -> Tensor:
        return value.view(*value.shape[:2], HEADS, _HEAD).transpose(1, 2)

    query = split(attention.query(x))
    key = split(attention.key(encoded))
    value = split(attention.value(encoded))
    weights = (query @ key.transpose(-1, -2) * _HEAD**-0.5).softmax(-1)
    mixed = (weights @ value).transpose(1, 2).flatten(2)
    return attention.out(mixed), weights


def _token_loss(logits: Tensor, wanted: Tensor, timed: Tensor, rows: int) -> Tensor:
    """Return the cross-entropy [N, S]; a timestamp shares its probability with its neighbours."""
    scores = logits.log_softmax(-1)

    def at(row: Tensor) -> Tensor:
        return -scores.gather(-1, row[..., None])[..., 0]

    last = rows + TIMESTAMPS - 1
    before, after = (wanted - 1).clamp(min=rows), (wanted + 1).clamp(min=rows, max=last)
    exact = at(wanted)
    return torch.where(timed, 0.5 * exact + 0.25 * (at(before) + at(after)), exact)


def _aim_loss(weights: Tensor, heard: Tensor) -> Tensor:
    """Return the mean -log of the attention [N, H, S, T] that falls where tokens are heard."""
    known = heard.any(-1)
    mass = (weights * heard[:, None]).sum(-1).clamp(min=1e-6)
    return (-mass.log().mean(1) * known).sum() / known.sum().clamp(min=1)


def _share(right: Tensor, among: Tensor) -> float:
    return float((right & among).sum() / among.sum().clamp(min=1))
