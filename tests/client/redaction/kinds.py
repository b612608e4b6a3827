"""Kinds of secrets as templates. `{A36}`: 36 letters and digits drawn by lot; what stands in «» is the secret part."""

from __future__ import annotations

import base64
import json
import random
import re
import string
from dataclasses import dataclass

_SIGNS = {
    "A": string.ascii_letters + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "h": "0123456789abcdef",
    "d": string.digits,
    "w": string.ascii_letters + string.digits + "-_",
    "b": string.ascii_letters + string.digits + "+/",
    "q": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}


@dataclass(frozen=True)
class Kind:
    """`variable` is where people keep it. `named`: without that name nobody could tell. `whole`: lines, not a value."""

    name: str
    variable: str
    template: str
    named: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Planted:
    """`value` as it is written, `secret` the part that must not get out."""

    kind: Kind
    value: str
    secret: str


def plant(kind: Kind, lot: random.Random) -> Planted:
    template = kind.template.replace("§", "PRIVATE KEY")
    made = re.sub(r"\{([A-Za-z])([0-9]+)\}", lambda found: _drawn(found[1], int(found[2]), lot), template)
    if kind.template.startswith("neptune"):
        inside = {"api_address": "https://app.example.org", "api_key": made.removeprefix("neptune")}
        made = base64.b64encode(json.dumps(inside, separators=(",", ":")).encode()).decode()
    secret = re.search("«(.*)»", made, re.DOTALL)
    value = made.replace("«", "").replace("»", "")
    return Planted(kind, value, secret[1] if secret else value)


def _drawn(of: str, many: int, lot: random.Random) -> str:
    return "".join(lot.choice(_SIGNS[of]) for _ in range(many))


def _pem(kind: str) -> str:
    lines = "\n".join(["{b64}"] * 6)
    return f"-----BEGIN {kind}-----\n«{lines}\n{{b40}}»\n-----END {kind}-----"


_UUID = "{h8}-{h4}-4{h3}-a{h3}-{h12}"
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOi{A24}.{w43}"

KINDS = [
    Kind("AWS key id", "AWS_ACCESS_KEY_ID", "AKIA{U16}"),
    Kind("AWS session key id", "AWS_ACCESS_KEY_ID", "ASIA{U16}"),
    Kind("AWS secret key", "AWS_SECRET_ACCESS_KEY", "{b40}", named=True),
    Kind("GitHub classic", "GITHUB_TOKEN", "ghp_{A36}"),
    Kind("GitHub fine-grained", "GH_TOKEN", "github_pat_{A22}_{A59}"),
    Kind("GitHub app", "GITHUB_TOKEN", "ghs_{A36}"),
    Kind("GitHub user-to-server", "GITHUB_TOKEN", "ghu_{A36}"),
    Kind("GitHub refresh", "GITHUB_REFRESH_TOKEN", "ghr_{A76}"),
    Kind("GitLab personal", "GITLAB_TOKEN", "glpat-{w20}"),
    Kind("GitLab deploy", "CI_DEPLOY_PASSWORD", "gldt-{w20}"),
    Kind("GitLab runner", "RUNNER_TOKEN", "glrt-{w20}"),
    Kind("GitLab trigger", "TRIGGER_TOKEN", "glptt-{h40}"),
    Kind("GitLab registration", "REGISTRATION_TOKEN", "GR1348941{w20}"),
    Kind("Slack bot", "SLACK_BOT_TOKEN", "xoxb-{d12}-{d13}-{A24}"),
    Kind("Slack user", "SLACK_TOKEN", "xoxp-{d12}-{d12}-{d12}-{h32}"),
    Kind("Slack app", "SLACK_APP_TOKEN", "xapp-1-A{U10}-{d13}-{h64}"),
    Kind("Slack configuration", "SLACK_CONFIG_TOKEN", "xoxe.xoxp-1-{A163}"),
    Kind("Slack refresh", "SLACK_REFRESH_TOKEN", "xoxe-1-{A146}"),
    Kind("Slack webhook", "SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T{U8}/B{U10}/{A24}"),
    Kind("Hugging Face", "HF_TOKEN", "hf_{A34}"),
    Kind("Hugging Face organisation", "HF_API_TOKEN", "api_org_{A34}"),
    Kind("OpenAI old", "OPENAI_API_KEY", "sk-{A20}T3BlbkFJ{A20}"),
    Kind("OpenAI project", "OPENAI_API_KEY", "sk-proj-{w74}T3BlbkFJ{w74}"),
    Kind("OpenAI service account", "OPENAI_API_KEY", "sk-svcacct-{w74}T3BlbkFJ{w74}"),
    Kind("Anthropic", "ANTHROPIC_API_KEY", "sk-ant-api03-{w93}AA"),
    Kind("OpenRouter", "OPENROUTER_API_KEY", "sk-or-v1-{h64}"),
    Kind("DeepSeek", "DEEPSEEK_API_KEY", "sk-{h32}"),
    Kind("Google API", "GOOGLE_API_KEY", "AIza{w35}"),
    Kind("Google OAuth client secret", "GOOGLE_CLIENT_SECRET", "GOCSPX-{w28}"),
    Kind("Google access token", "GOOGLE_OAUTH_TOKEN", "ya29.{w120}"),
    Kind(
        "Google service account",
        "GOOGLE_CREDENTIALS",
        '{\n  "type": "service_account",\n  "project_id": "milestones",\n  "private_key_id": "{h40}",\n'
        '  "private_key": "-----BEGIN §-----\\n«{b64}\\n{b64}\\n{b40}»\\n-----END PRIVATE KEY-----\\n"\n}',
        whole=True,
    ),
    Kind(
        "Azure storage",
        "AZURE_STORAGE_CONNECTION_STRING",
        "DefaultEndpointsProtocol=https;AccountName=milestones;AccountKey=«{b86}==»;EndpointSuffix=core.windows.net",
    ),
    Kind(
        "Azure SAS",
        "SAS_URL",
        "https://m.blob.core.windows.net/data?sv=2024-11-04&ss=b&sp=rl&se=2027-01-01&sig=«{A43}%3D»",
    ),
    Kind("Azure client secret", "AZURE_CLIENT_SECRET", "{A3}8Q~{w34}"),
    Kind("W&B", "WANDB_API_KEY", "{h40}", named=True),
    Kind("W&B v1", "WANDB_API_KEY", "wandb_v1_{w80}"),
    Kind("Databricks", "DATABRICKS_TOKEN", "dapi{h32}"),
    Kind("MLflow password", "MLFLOW_TRACKING_PASSWORD", "{A20}", named=True),
    Kind("Comet", "COMET_API_KEY", "{A25}", named=True),
    Kind("Neptune", "NEPTUNE_API_TOKEN", "neptune" + _UUID),
    Kind("Kaggle", "KAGGLE_KEY", "{h32}", named=True),
    Kind("ClearML", "CLEARML_API_SECRET_KEY", "{A50}", named=True),
    Kind("npm", "NPM_TOKEN", "npm_{A36}"),
    Kind("PyPI", "TWINE_PASSWORD", "pypi-AgEIcHlwaS5vcmc{w120}"),
    Kind("RubyGems", "GEM_HOST_API_KEY", "rubygems_{h48}"),
    Kind("crates.io", "CARGO_REGISTRY_TOKEN", "cio{A32}"),
    Kind("Docker Hub", "DOCKER_PASSWORD", "dckr_pat_{w27}"),
    Kind("Docker config", "DOCKER_AUTH", '{"auths": {"index.example.org": {"auth": "«{b40}»"}}}', whole=True),
    Kind("Stripe", "STRIPE_SECRET_KEY", "sk_live_{A24}"),
    Kind("Stripe restricted", "STRIPE_API_KEY", "rk_test_{A98}"),
    Kind("Stripe webhook", "STRIPE_WEBHOOK_SECRET", "whsec_{A32}"),
    Kind("Twilio key", "TWILIO_API_KEY", "SK{h32}"),
    Kind("Twilio token", "TWILIO_AUTH_TOKEN", "{h32}", named=True),
    Kind("SendGrid", "SENDGRID_API_KEY", "SG.{w22}.{w43}"),
    Kind("Mailgun", "MAILGUN_API_KEY", "key-{h32}"),
    Kind("Mailgun new", "MAILGUN_API_KEY", "{h32}-{h8}-{h8}", named=True),
    Kind("Telegram bot", "TELEGRAM_BOT_TOKEN", "{d10}:AA{w33}"),
    Kind("Discord bot", "DISCORD_TOKEN", "MT{w24}.{w6}.{w38}"),
    Kind("Discord webhook", "DISCORD_WEBHOOK", "https://discord.com/api/webhooks/{d19}/{w68}"),
    Kind("Notion", "NOTION_TOKEN", "ntn_{A46}"),
    Kind("Notion old", "NOTION_TOKEN", "secret_{A43}"),
    Kind("Linear", "LINEAR_API_KEY", "lin_api_{A40}"),
    Kind("Vault", "VAULT_TOKEN", "hvs.CAESI{w86}"),
    Kind("Vault old", "VAULT_TOKEN", "s.{A24}", named=True),
    Kind("Terraform", "TF_API_TOKEN", "{A14}.atlasv1.{w67}"),
    Kind("DigitalOcean", "DIGITALOCEAN_TOKEN", "dop_v1_{h64}"),
    Kind("Heroku", "HEROKU_API_KEY", _UUID, named=True),
    Kind("Heroku new", "HEROKU_API_KEY", "HRKU-AA{w58}"),
    Kind("Cloudflare", "CLOUDFLARE_API_TOKEN", "{w40}", named=True),
    Kind("Cloudflare origin", "CLOUDFLARE_ORIGIN_KEY", "v1.0-{h24}-{h146}"),
    Kind("Datadog", "DD_API_KEY", "{h32}", named=True),
    Kind("Datadog application", "DD_APP_KEY", "{h40}", named=True),
    Kind("New Relic", "NEW_RELIC_API_KEY", "NRAK-{U27}"),
    Kind("New Relic licence", "NEW_RELIC_LICENSE_KEY", "{h36}NRAL"),
    Kind("Grafana service account", "GRAFANA_TOKEN", "glsa_{A32}_{h8}"),
    Kind("Grafana cloud", "GRAFANA_TOKEN", "glc_{b80}"),
    Kind("Sentry DSN", "SENTRY_DSN", "https://«{h32}»@o{d6}.ingest.sentry.io/{d7}"),
    Kind("Sentry user", "SENTRY_AUTH_TOKEN", "sntryu_{h64}"),
    Kind("Postman", "POSTMAN_API_KEY", "PMAK-{h24}-{h34}"),
    Kind("Shopify", "SHOPIFY_TOKEN", "shpat_{h32}"),
    Kind("Square", "SQUARE_ACCESS_TOKEN", "sq0atp-{w22}"),
    Kind("Square production", "SQUARE_ACCESS_TOKEN", "EAAA{w60}"),
    Kind("age", "SOPS_AGE_KEY", "AGE-SECRET-KEY-1{q58}"),
    Kind("PEM, RSA", "TLS_KEY", _pem("RSA PRIVATE KEY"), whole=True),
    Kind("PEM, PKCS 8", "TLS_KEY", _pem("PRIVATE KEY"), whole=True),
    Kind("PEM, EC", "TLS_KEY", _pem("EC PRIVATE KEY"), whole=True),
    Kind("PEM, encrypted", "TLS_KEY", _pem("ENCRYPTED PRIVATE KEY"), whole=True),
    Kind("SSH key", "SSH_PRIVATE_KEY", _pem("OPENSSH PRIVATE KEY"), whole=True),
    Kind("PGP key", "GPG_PRIVATE_KEY", _pem("PGP PRIVATE KEY BLOCK"), whole=True),
    Kind("JSON web token", "JWT", _JWT),
    Kind("bearer header", "AUTH_HEADER", "Authorization: Bearer «{w40}»"),
    Kind("basic header", "AUTH_HEADER", "Authorization: Basic «{b31}1»"),
    Kind("token header", "AUTH_HEADER", "Authorization: token «{h40}»"),
    Kind("key header", "AUTH_HEADER", "X-Api-Key: «{A32}»"),
    Kind("URL, http", "SERVICE_URL", "https://ada:«{A16}»@example.org/x"),
    Kind("URL, token only", "REMOTE_URL", "https://«{A40}»@example.org/team/code.git"),
    Kind("URL, x-access-token", "REMOTE_URL", "https://x-access-token:«ghs_{A36}»@github.com/team/code.git"),
    Kind("URL, oauth2", "REMOTE_URL", "https://oauth2:«{w26}»@gitlab.example.org/team/code.git"),
    Kind("URL, pip index", "PIP_INDEX_URL", "https://ci:«{A24}»@index.example.org/simple/"),
    Kind("URL, postgresql", "DATABASE_URL", "postgresql://ada:«{A16}»@db.example.org:5432/runs"),
    Kind("URL, mongodb", "MONGO_URL", "mongodb+srv://ada:«{A20}»@cluster0.example.org/runs"),
    Kind("URL, redis", "REDIS_URL", "redis://:«{A32}»@cache.example.org:6379/0"),
    Kind("URL, amqp", "BROKER_URL", "amqps://worker:«{A18}»@queue.example.org/vhost"),
    Kind(".netrc", "NETRC", "machine api.example.org\n  login ada\n  password «{h40}»", whole=True),
    Kind(".netrc in a line", "NETRC", "machine api.wandb.ai login user password «{h40}»", whole=True),
    Kind("kubeconfig", "KUBECONFIG_DATA", "users:\n- name: ada\n  user:\n    token: «{A48}»", whole=True),
    Kind("trackrecord", "TRACKRECORD_TOKEN", "trk_{A36}"),
    Kind("Atlassian", "JIRA_API_TOKEN", "ATATT3xFfGF0{w180}={U8}"),
    Kind("Snyk", "SNYK_TOKEN", _UUID, named=True),
    Kind("Replicate", "REPLICATE_API_TOKEN", "r8_{A37}"),
    Kind("Pinecone", "PINECONE_API_KEY", "pcsk_{A5}_{A64}"),
    Kind("Groq", "GROQ_API_KEY", "gsk_{A52}"),
    Kind("Perplexity", "PERPLEXITY_API_KEY", "pplx-{A48}"),
    Kind("xAI", "XAI_API_KEY", "xai-{A80}"),
    Kind("Mistral", "MISTRAL_API_KEY", "{A32}", named=True),
    Kind("Cohere", "COHERE_API_KEY", "{A40}", named=True),
    Kind("NVIDIA", "NVIDIA_API_KEY", "nvapi-{w64}"),
    Kind("Together", "TOGETHER_API_KEY", "tgp_v1_{w43}"),
    Kind("LangSmith", "LANGSMITH_API_KEY", "lsv2_pt_{h32}_{h10}"),
    Kind("Tavily", "TAVILY_API_KEY", "tvly-dev-{A32}"),
    Kind("Supabase", "SUPABASE_ACCESS_TOKEN", "sbp_{h40}"),
    Kind("Figma", "FIGMA_TOKEN", "figd_{w40}"),
    Kind("Airtable", "AIRTABLE_TOKEN", "pat{A14}.{h64}"),
    Kind("a password of a person", "DB_PASSWORD", "{A14}", named=True),
]
