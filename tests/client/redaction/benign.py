"""What scripts, logs and lock files are full of, and what is no secret. Random parts are drawn anew each time."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid

PLAIN = r"""
max_tokens=512
--max-tokens 512
pad_token = "<|endoftext|>"
pad_token_id=50256
eos_token: </s>
tokenizer.pad_token = tokenizer.eos_token
special_tokens = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")
--tokenizer /data/tokenizers/llama-3-8b/tokenizer.json
token_type_ids=inputs["token_type_ids"]
num_tokens: 1000000000
tokens/s 18342.7 step 100 loss 2.31
tokens_per_second=18342
secret_sauce=True
use_auth_token=False
use_auth_token=True
auth: none
password: null
token=None
api_key = os.environ["HF_TOKEN"]
token = os.environ.get("HF_TOKEN")
token=os.getenv("WANDB_API_KEY", "")
password = getpass()
password = getpass.getpass("Password: ")
api_key = "<your token>"
HF_TOKEN=<your token>
HF_TOKEN=$HF_TOKEN
export WANDB_API_KEY=${WANDB_API_KEY}
api_key: ${oc.env:OPENAI_API_KEY}
api_key = "YOUR_API_KEY_HERE"
api_key = "your-api-key-here"
password = "changeme"
password: "********"
openai_api_key="sk-..."
token = "xxxxxxxxxxxxxxxxxxxx"
GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
secret = load_secret("prod/db")
token = self.tokenizer.convert_tokens_to_ids("hello2world")
key = jax.random.PRNGKey(42)
key, subkey = jax.random.split(key)
keys = sorted(state_dict.keys())
sort_key=lambda row: row.value2
cache_key = f"{model}-{step}-{lr}"
primary_key=True
api_key_header = APIKeyHeader(name="X-API-Key")
public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
attention = nn.MultiheadAttention(embed_dim=512, num_heads=8, key_padding_mask=None)
query_key_value.weight torch.Size([12288, 4096])
model.layers.11.self_attn.k_proj.weight
keyword=value2 keyboard=qwerty12
author: Ada Lovelace <ada@example.org>
authors = [{name = "Ada", email = "ada@example.org"}]
ada@example.org
ada.lovelace+runs@mail.example.co.uk
ssh://git@host.example/team/code.git
git@github.com:team/code.git
https://github.com/team/code.git
git+https://github.com/huggingface/transformers@v4.57.0
git+ssh://git@github.com/team/code.git@main
https://example.org/search?q=a@b.org
http://localhost:8080/health
postgresql://localhost/runs
redis://localhost:6379/0
s3://bucket/path@v1/model.pt
s3://my-training-data-2026/imagenet/train/shard-00001-of-01024.tar
gs://models/llama-3.1-8b-instruct/step_120000/model.safetensors
hf://datasets/wikitext@refs/convert/parquet/wikitext-103-v1
wandb: Run data is saved locally in wandb/run-20261124_124500-3k9x2m1q
wandb: View run at https://wandb.ai/team/project/runs/3k9x2m1q
wandb-run-id 3k9x2m1q
mlflow run 7f3a9c1e5b2d4f6a8c0e1b3d5f7a9c1e
brave-otter-42 of milestone-1
model_name=meta-llama/Llama-3.1-8B-Instruct
mistralai/Mixtral-8x7B-Instruct-v0.1
stabilityai/stable-diffusion-xl-base-1.0
google/gemma-2-27b-it
openai/whisper-large-v3-turbo
Qwen/Qwen2.5-Coder-32B-Instruct-GPTQ-Int4
sk-learn-based-classifier-with-many-words
task-distributed-training-2024-Large-Run-1
disk-usage-on-node-0123456789-Over-The-Limit
sk-estimator_checks-2026-Version-With-Words
hf_model_name hf_hub_download hf_transfer_enabled
from huggingface_hub import hf_hub_url, HfApi
npm_config_registry npm_package_name
pypi-server pypi-publish-action-v1
the basic understanding of bearer bonds is fine
Bearer tokens are sent in the Authorization header
Authorization: Bearer <token>
headers = {"Authorization": f"Bearer {token}"}
"Authorization": "Bearer " + self.token
curl -H "Authorization: Bearer $TOKEN" https://example.org
lr=0.0003 weight_decay=1e-4 warmup_steps=2000
learning_rate: 3.0e-04
betas=(0.9, 0.95) eps=1e-08
epoch 12/90 train/loss 0.2381 test/accuracy 0.9341
2026-11-24T12:45:00.123456Z INFO step=1000 loss=0.34
[2026-11-24 12:45:00,123][__main__][INFO] - Instantiating model <src.models.ResNet50Module>
CUDA_VISIBLE_DEVICES=0,1,2,3
NCCL_SOCKET_IFNAME=eth0
GPU-5a1b2c3d-0000-1111-2222-333344445555
NVIDIA A100-SXM4-80GB
PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True,max_split_size_mb:512
python -m torch.distributed.run --nproc_per_node=8 --rdzv_id=12345 train.py
accelerate launch --config_file configs/fsdp.yaml train.py --seed 1234567
+experiment=imagenet/resnet50 trainer.max_epochs=90 data.batch_size=256
hydra.run.dir=outputs/2026-11-24/12-45-00
numpy==2.3.4 torch==2.9.1+cu128 transformers==4.57.1
nvidia-cublas-cu12==12.8.4.1 ; platform_system == "Linux"
name = "aiohappyeyeballs"
ThisIsAVeryLongClassNameForATransformerEncoderLayerWithCrossAttention
this_is_a_very_long_function_name_that_computes_the_validation_accuracy_of_a_model
test_that_the_optimizer_state_is_restored_after_2_epochs_and_3_restarts
org.apache.hadoop.fs.s3a.impl.AWSCredentialProviderList
!function(e,t){"object"==typeof exports&&"undefined"!=typeof module?t():e.tokenize=t()}(this,function(){})
var a=b.key||c.token,d=e.password?f:g;return h(a,d,{auth:i,token:j.k})
.btn-primary{color:#fff;background-color:#0d6efd;border-color:#0d6efd}
data-key="item-12345" data-token-index="3"
<input type="password" name="password" autocomplete="current-password">
password = forms.CharField(widget=forms.PasswordInput)
def check_password(self, raw_password: str) -> bool:
class TokenEmbedding(nn.Module):
raise ValueError("token must have 36 characters")
if not token.startswith("trk_"):
assert smells("HF_TOKEN")
token_count = len(encoding.encode(text))
self.token_embedding_table = nn.Embedding(vocab_size, n_embd)
position_ids=torch.arange(0, 1024)
secrets.token_hex(16)
from secrets import token_urlsafe
vault_path=secret/data/prod/db
credentials_path=~/.config/gcloud/application_default_credentials.json
GOOGLE_CLOUD_PROJECT=ml-research-2026
arn:aws:iam::123456789012:role/TrainingRole
arn:aws:s3:::training-data-bucket/imagenet
AROAJQABLZS4A3QDU576Q
i-0abcd1234efgh5678 ip-10-0-12-34.ec2.internal
subscription_id=8f2b6d1e-4b7a-4e0c-9d3f-1a2b3c4d5e6f
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 ada@laptop
print("-" * 40)
x = x @ w + b
@dataclass(frozen=True)
assert a @ b == c, "https://example.org/why"
loss = F.cross_entropy(logits.view(-1, V), targets.view(-1))
Content-Type: application/json; charset=utf-8
User-Agent: trackrecord/0.1.0 (Linux; x86_64)
ETag: "33a64df551425fcc55e4d42a148795d9f25f89d4"
X-Request-Id: 1c2d3e4f-aaaa-bbbb-cccc-1234567890ab
Traceback (most recent call last):
  File "/work/train.py", line 41, in <module>
KeyError: 'model.layers.0.self_attn.rotary_emb.inv_freq'
RuntimeError: CUDA error: device-side assert triggered (0x7f3a9c1e5b2d)
ValueError: expected 36 tokens, got 35
segments.0.attn.key.weight 0.0123 -0.4567
{"role": "user", "content": "What is the key to a good password?"}
key: value
passes: 3
bypass_mode=fast2slow
pass_rate=0.93
pass@k=0.412
compass=north
""".strip("\n").split("\n")


def lines(lot: random.Random) -> list[str]:
    """Over two hundred lines."""
    return [*PLAIN, *(each for _ in range(4) for each in _drawn(lot))]


def _drawn(lot: random.Random) -> list[str]:
    data = lot.randbytes(64)
    sha1, sha256, sha512 = (hashlib.new(name, data) for name in ("sha1", "sha256", "sha512"))
    plain = uuid.UUID(bytes=lot.randbytes(16), version=4)
    packed = base64.b64encode(sha512.digest()).decode()
    image = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + lot.randbytes(150)).decode()
    return [
        sha1.hexdigest(),
        sha256.hexdigest(),
        f"commit {sha1.hexdigest()} (HEAD -> main)",
        f"index {sha1.hexdigest()}..{sha256.hexdigest()[:40]} 100644",
        f"--commit={sha1.hexdigest()}",
        f"digest: sha256:{sha256.hexdigest()}",
        f"    --hash=sha256:{sha256.hexdigest()} \\",
        f'{{ url = "https://files.example.org/packages/{sha1.hexdigest()[:2]}/{sha256.hexdigest()[:40]}/x.whl" }}',
        f'"integrity": "sha512-{packed}"',
        f'resolved "https://packages.example.org/left-pad/-/left-pad-1.3.0.tgz#{sha1.hexdigest()}"',
        f"md5 {sha256.hexdigest()[:32]}  data/train.tar",
        f"run_id={plain}",
        f"/data/cache/{plain}/shard-0003.parquet",
        f"tree {sha1.hexdigest()} parent {sha256.hexdigest()[:40]}",
        f"data:image/png;base64,{image}",
        f'"image/png": "{image}"',
        f"git+https://github.com/team/code@{sha1.hexdigest()}",
        f"etag={sha256.hexdigest()[:32]}-12",
        f"dataset_digest = '{sha256.hexdigest()}'",
    ]
