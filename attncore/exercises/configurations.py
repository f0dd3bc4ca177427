"""Models and graphics cards that questions draw from, as their makers have published them.

A model's numbers are those of its `config.json` or its paper; a test counts the parameters anew. A card's are those of
its data sheet: arithmetic without sparsity, units of 1,000.
"""

from dataclasses import dataclass

from attncore.exercises.figures import capital


@dataclass(frozen=True)
class Model:
    """A published configuration; `cite` names where it comes from.

    `window` is that of the local layers, of which there are `local`. A model that keeps a latent has its width and that
    of the rotated key, and no `kv_heads` of its own. `active` are the parameters that one token passes through.
    """

    name: str
    cite: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    parameters: int = 0
    active: int = 0
    window: int = 0
    local: int = 0
    latent: int = 0
    rotated: int = 0

    @property
    def group(self) -> int:
        """How many query heads share a key head."""
        return self.heads // self.kv_heads

    @property
    def weight_bytes(self) -> int:
        """Its weights at two bytes each."""
        return 2 * self.parameters


# Every head has keys of its own. meta-llama/Llama-2-7b-hf, -13b-hf; openai-community/gpt2-xl;
# Brown et al. (2020), table 2.1; microsoft/Phi-3-mini-4k-instruct; allenai/OLMo-2-1124-13B
LLAMA_2_7B = Model("Llama 2 7B", "Touvron et al., 2023b", 32, 4096, 32, 32, 128, 6_738_415_616)
LLAMA_2_13B = Model("Llama 2 13B", "Touvron et al., 2023b", 40, 5120, 40, 40, 128, 13_015_864_320)
GPT_3 = Model("GPT-3 175B", "Brown et al., 2020", 96, 12_288, 96, 96, 128, 175_000_000_000)
PHI_3_MINI = Model("Phi-3-mini", "Abdin et al., 2024", 32, 3072, 32, 32, 96, 3_821_079_552)
GPT_2_SMALL = Model("GPT-2 small", "Radford et al., 2019", 12, 768, 12, 12, 64, 124_439_808)
GPT_2_MEDIUM = Model("GPT-2 medium", "Radford et al., 2019", 24, 1024, 16, 16, 64, 354_823_168)
GPT_2_LARGE = Model("GPT-2 large", "Radford et al., 2019", 36, 1280, 20, 20, 64, 774_030_080)
GPT_2_XL = Model("GPT-2 XL", "Radford et al., 2019", 48, 1600, 25, 25, 64, 1_557_611_200)
GPT_2 = (GPT_2_SMALL, GPT_2_MEDIUM, GPT_2_LARGE, GPT_2_XL)
MULTI_HEAD = (LLAMA_2_7B, LLAMA_2_13B, GPT_3, PHI_3_MINI, GPT_2_XL)

# Heads that together are wider than the model. google-t5/t5-3b, t5-11b; google/gemma-7b
T5_3B = Model("T5-3B", "Raffel et al., 2019", 24, 1024, 32, 32, 128)
T5_11B = Model("T5-11B", "Raffel et al., 2019", 24, 1024, 128, 128, 128)
GEMMA_7B = Model("Gemma 7B", "Gemma Team, 2024a", 28, 3072, 16, 16, 256, 8_537_680_896)

# Encoders. google-bert/bert-base-uncased, bert-large-uncased, with the pooler; distilbert/distilbert-base-uncased;
# sentence-transformers/all-MiniLM-L6-v2
BERT_BASE = Model("BERT-base", "Devlin et al., 2018", 12, 768, 12, 12, 64, 109_482_240)
BERT_LARGE = Model("BERT-large", "Devlin et al., 2018", 24, 1024, 16, 16, 64, 335_141_888)
DISTILBERT = Model("DistilBERT", "Sanh et al., 2019", 6, 768, 12, 12, 64, 66_362_880)
MINILM = Model("all-MiniLM-L6-v2", "Wang et al., 2020", 6, 384, 12, 12, 32, 22_713_216)

# Query heads share key heads, and each token passes through all weights. meta-llama/Meta-Llama-3-8B, -70B,
# Llama-3.1-405B, Llama-3.2-1B, -3B; mistralai/Mistral-7B-v0.1; Qwen/Qwen2.5-7B, Qwen3-0.6B, -4B, -8B, -32B;
# HuggingFaceTB/SmolLM2-135M, -360M
LLAMA_2_70B = Model("Llama 2 70B", "Touvron et al., 2023b", 80, 8192, 64, 8, 128, 68_976_648_192)
LLAMA_3_8B = Model("Llama 3 8B", "Grattafiori et al., 2024", 32, 4096, 32, 8, 128, 8_030_261_248)
LLAMA_3_70B = Model("Llama 3 70B", "Grattafiori et al., 2024", 80, 8192, 64, 8, 128, 70_553_706_496)
LLAMA_3_405B = Model("Llama 3.1 405B", "Grattafiori et al., 2024", 126, 16_384, 128, 8, 128, 405_853_388_800)
LLAMA_3_1B = Model("Llama 3.2 1B", "Meta, 2024", 16, 2048, 32, 8, 64, 1_235_814_400)
LLAMA_3_3B = Model("Llama 3.2 3B", "Meta, 2024", 28, 3072, 24, 8, 128, 3_212_749_824)
MISTRAL_7B = Model("Mistral 7B", "Jiang et al., 2023", 32, 4096, 32, 8, 128, 7_241_732_096)
QWEN_2_7B = Model("Qwen2.5 7B", "Qwen Team, 2024", 28, 3584, 28, 4, 128, 7_615_616_512)
QWEN_3_SMALL = Model("Qwen3 0.6B", "Qwen Team, 2025", 28, 1024, 16, 8, 128, 596_049_920)
QWEN_3_4B = Model("Qwen3 4B", "Qwen Team, 2025", 36, 2560, 32, 8, 128, 4_022_468_096)
QWEN_3_8B = Model("Qwen3 8B", "Qwen Team, 2025", 36, 4096, 32, 8, 128, 8_190_735_360)
QWEN_3_32B = Model("Qwen3 32B", "Qwen Team, 2025", 64, 5120, 64, 8, 128, 32_762_123_264)
SMOLLM2_135M = Model("SmolLM2-135M", "Allal et al., 2025", 30, 576, 9, 3, 64, 134_515_008)
SMOLLM2_360M = Model("SmolLM2-360M", "Allal et al., 2025", 32, 960, 15, 5, 64, 361_821_120)
GROUPED = (LLAMA_3_8B, LLAMA_3_70B, LLAMA_3_405B, MISTRAL_7B, QWEN_2_7B, QWEN_3_4B, QWEN_3_8B, QWEN_3_32B)

# Local layers with a window between global ones. google/gemma-3-4b-pt, -12b-pt, -27b-pt (every sixth layer is global),
# gemma-2-9b, -27b (every second); openai/gpt-oss-20b, -120b (every second). The parameters are those of the reports.
GEMMA_2_9B = Model("Gemma 2 9B", "Gemma Team, 2024b", 42, 3584, 16, 8, 256, 9_241_705_984, window=4096, local=21)
GEMMA_2_27B = Model("Gemma 2 27B", "Gemma Team, 2024b", 46, 4608, 32, 16, 128, 27_227_128_320, window=4096, local=23)
GEMMA_3_4B = Model("Gemma 3 4B", "Gemma Team, 2025", 34, 2560, 8, 4, 256, 3_884_000_000, window=1024, local=29)
GEMMA_3_12B = Model("Gemma 3 12B", "Gemma Team, 2025", 48, 3840, 16, 8, 256, 11_771_000_000, window=1024, local=40)
GEMMA_3_27B = Model("Gemma 3 27B", "Gemma Team, 2025", 62, 5376, 32, 16, 128, 27_016_000_000, window=1024, local=52)
GPT_OSS_20B = Model("gpt-oss-20b", "OpenAI, 2025", 24, 2880, 64, 8, 64, 20_910_000_000, 3_610_000_000, 128, 12)
GPT_OSS_120B = Model("gpt-oss-120b", "OpenAI, 2025", 36, 2880, 64, 8, 64, 116_830_000_000, 5_130_000_000, 128, 18)
LOCAL = (GEMMA_2_9B, GEMMA_2_27B, GEMMA_3_4B, GEMMA_3_12B, GEMMA_3_27B, GPT_OSS_20B, GPT_OSS_120B)

# A latent and a rotated key for all heads. deepseek-ai/DeepSeek-V2-Lite, DeepSeek-V2, DeepSeek-V3;
# moonshotai/Kimi-K2-Instruct
DEEPSEEK_V3 = Model(
    name="DeepSeek-V3",
    cite="DeepSeek-V3, 2024",
    layers=61,
    width=7168,
    heads=128,
    kv_heads=128,
    head_width=128,
    parameters=671_000_000_000,
    active=37_000_000_000,
    latent=512,
    rotated=64,
)
DEEPSEEK_V2 = Model(
    name="DeepSeek-V2",
    cite="DeepSeek-V2, 2024",
    layers=60,
    width=5120,
    heads=128,
    kv_heads=128,
    head_width=128,
    parameters=236_000_000_000,
    active=21_000_000_000,
    latent=512,
    rotated=64,
)
DEEPSEEK_V2_LITE = Model(
    name="DeepSeek-V2-Lite",
    cite="DeepSeek-V2, 2024",
    layers=27,
    width=2048,
    heads=16,
    kv_heads=16,
    head_width=128,
    parameters=15_700_000_000,
    active=2_400_000_000,
    latent=512,
    rotated=64,
)
KIMI_K2 = Model(
    name="Kimi K2",
    cite="Kimi K2, 2025",
    layers=61,
    width=7168,
    heads=64,
    kv_heads=64,
    head_width=128,
    parameters=1_000_000_000_000,
    active=32_000_000_000,
    latent=512,
    rotated=64,
)
LATENT = (DEEPSEEK_V3, DEEPSEEK_V2, DEEPSEEK_V2_LITE, KIMI_K2)


@dataclass(frozen=True)
class GraphicsCard:
    """A card: memory in GB, what that memory gives in TB/s, and dense arithmetic on two-byte numbers in TFLOP/s."""

    name: str
    maker: str
    memory: int
    bandwidth: float
    tflops: float
    number: str = "bfloat16"

    @property
    def bytes(self) -> int:
        return self.memory * 10**9

    @property
    def a(self) -> str:
        """The name after its article: "an A100"."""
        return f"{'an' if self.name[0] in 'AHLMR' else 'a'} {self.name}"

    @property
    def A(self) -> str:
        """The same at the start of a sentence."""
        return capital(self.a)


# https://www.nvidia.com/en-us/data-center/: the data sheets of T4 (which has no bfloat16), L4, L40S, A10, A100 SXM,
# H100 SXM, H200 SXM, HGX B200; the white paper on Ada for the RTX 4090;
# https://www.amd.com/en/products/accelerators/instinct/mi300/mi300x.html
T4 = GraphicsCard("T4", "NVIDIA", 16, 0.32, 65, "float16")
L4 = GraphicsCard("L4", "NVIDIA", 24, 0.3, 121)
A10 = GraphicsCard("A10", "NVIDIA", 24, 0.6, 125)
RTX_4090 = GraphicsCard("RTX 4090", "NVIDIA", 24, 1.008, 165.2)
L40S = GraphicsCard("L40S", "NVIDIA", 48, 0.864, 362)
A100_40 = GraphicsCard("A100 with 40 GB", "NVIDIA", 40, 1.555, 312)
A100 = GraphicsCard("A100", "NVIDIA", 80, 2.039, 312)
H100 = GraphicsCard("H100", "NVIDIA", 80, 3.35, 989)
H200 = GraphicsCard("H200", "NVIDIA", 141, 4.8, 989)
B200 = GraphicsCard("B200", "NVIDIA", 180, 8.0, 2250)
MI300X = GraphicsCard("MI300X", "AMD", 192, 5.3, 1307)
CARDS = (T4, L4, A10, RTX_4090, L40S, A100_40, A100, H100, H200, B200, MI300X)
