"""PURE: what known services call their keys. A shape is known by how it begins: text without that is not searched.

Every pattern is linear: single classes and bounded repeats. A hint is how a match begins (or a part that it always
has), in small letters and with "-" for "_".
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

_LEFT, _RIGHT = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_W = "[0-9A-Za-z_-]"  # what base64 for addresses is made of


class Shape(NamedTuple):
    """`kind` goes on after "looks like". `inside`: the hint may stand in the middle of a word."""

    kind: str
    hints: tuple[str, ...]
    pattern: str
    inside: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What of the hints can be looked for as it is."""
        return _words(self.hints)

    def compiled(self) -> re.Pattern[str]:
        return _compiled(self.pattern if self.inside else _LEFT + f"(?:{self.pattern})")


@cache
def _words(hints: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(re.split(r"\\|\[", hint)[0] for hint in hints)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _of(kind: str, hints: str, pattern: str, *, inside: bool = False) -> Shape:
    return Shape(kind, tuple(hints.split()), pattern, inside)


SHAPES: tuple[Shape, ...] = (
    # where code and packages live
    _of("a GitHub token", "ghp- gho- ghu- ghs- ghr-", r"gh[pousr]_[0-9A-Za-z]{36,}"),
    _of("a GitHub token", "github-pat-", r"github_pat_[0-9A-Za-z_]{22,}"),
    _of(
        "a GitLab token",
        "glpat- glptt- gldt- glrt- glcbt- glft- glimt- glagent- glsoat- glffct- glrtr- gloas-",
        rf"gl(?:pat|ptt|dt|rt|cbt|ft|imt|agent|soat|ffct|rtr|oas)-{_W}{{20,}}",
    ),
    _of("a GitLab token", "gr1348941", rf"GR1348941{_W}{{20,}}"),
    _of("an Atlassian token", "atatt3 atctt3", r"AT[AC]TT3[0-9A-Za-z=_-]{50,}"),
    _of("a Bitbucket password", "atbb", r"ATBB[0-9A-Za-z]{32}" + _RIGHT),
    _of("an npm token", "npm-", r"npm_[0-9A-Za-z]{36}"),
    _of("a PyPI token", "pypi-age", rf"pypi-AgE{_W}{{20,}}"),
    _of("a RubyGems key", "rubygems-", r"rubygems_[0-9a-f]{48}"),
    _of("a crates.io token", "cio", r"cio[0-9A-Za-z]{32}" + _RIGHT),
    _of("a NuGet key", "oy2", r"oy2[0-9a-z]{43}" + _RIGHT),
    _of("a Docker token", "dckr-", rf"dckr_[po]at_{_W}{{20,}}"),
    _of("a Sonar token", "squ- sqp- sqa-", r"sq[upa]_[0-9a-f]{40}"),
    _of("a Snyk token", "snyk-", r"snyk_[us]at\.[0-9A-Za-z._-]{20,}"),
    _of("a Postman key", "pmak-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    # machines and clouds
    _of("an AWS key", "akia asia abia acca", r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}" + _RIGHT),
    _of("an AWS key", "absk", r"ABSK[0-9A-Za-z+/]{100,}"),
    _of("a Google key", "aiza", rf"AIza{_W}{{35}}"),
    _of("a Google client secret", "gocspx-", rf"GOCSPX-{_W}{{28}}"),
    _of("a Google access token", "ya29", rf"ya29\.{_W}{{20,}}"),
    _of("a Google refresh token", "1//0", rf"1//0{_W}{{30,}}"),
    _of("an Azure storage key", "accountkey=", r"(?i:accountkey)=[0-9A-Za-z+/]{40,}={0,2}"),
    _of("an Azure access key", "sharedaccesskey=", r"(?i:sharedaccesskey)=[0-9A-Za-z+/]{30,}={0,2}"),
    _of("a signed Azure address", "sig=", r"(?<=[?&;])sig=[0-9A-Za-z%+/=_-]{40,}"),
    _of("an Azure client secret", "q~", r"[0-9A-Za-z_.~-]{3}[0-9]Q~[0-9A-Za-z_.~-]{31,34}", inside=True),
    _of("an Azure DevOps token", "azdo", r"[0-9A-Za-z]{70,76}AZDO[0-9A-Za-z]{4}", inside=True),
    _of("a DigitalOcean token", "doo-v1- dop-v1- dor-v1-", r"do[opr]_v1_[0-9a-f]{64}"),
    _of("a Heroku key", "hrku-", rf"HRKU-{_W}{{30,}}"),
    _of("a Cloudflare key", r"v1\.0-", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}"),
    _of("an Alibaba key", "ltai", r"LTAI[0-9A-Za-z]{17,30}" + _RIGHT),
    _of("a Vault token", r"hvs\. hvb\. hvr\.", rf"hv[sbr]\.{_W}{{24,}}"),
    _of("a Terraform token", "atlasv1", rf"[0-9A-Za-z]{{14}}\.atlasv1\.{_W}{{60,}}", inside=True),
    _of("a Pulumi token", "pul-", r"pul-[0-9a-f]{40}"),
    _of("a Doppler token", r"dp\.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[0-9A-Za-z._-]{40,}"),
    _of("a 1Password token", "ops-eyj", rf"ops_eyJ{_W}{{100,}}"),
    _of("a Databricks token", "dapi", r"dapi[0-9a-f]{32}"),
    _of("a Supabase key", "sbp- sb-secret-", rf"sbp_[0-9a-f]{{40}}|sb_secret_{_W}{{20,}}"),
    _of("a PlanetScale key", "pscale-", r"pscale_(?:tkn|pw|oauth)_[0-9A-Za-z=._-]{32,}"),
    _of("a Netlify token", "nfp-", r"nfp_[0-9A-Za-z]{36,}"),
    _of("a Fly token", "fm1- fm2- fo1-", r"(?:fm[12]|fo1)_[0-9A-Za-z+/=_-]{40,}"),
    _of("an OpenShift token", "sha256~", rf"sha256~{_W}{{43}}"),
    _of("an Artifactory key", "akcp", r"AKCp[0-9A-Za-z]{69}"),
    # models
    _of("a Hugging Face token", "hf-", r"hf_[0-9A-Za-z]{30,}"),
    _of("a Hugging Face token", "api-org-", r"api_org_[0-9A-Za-z]{30,}"),
    _of("an Anthropic key", "sk-ant-", rf"sk-ant-{_W}{{20,}}"),
    _of("an OpenRouter key", "sk-or-", r"sk-or-v1-[0-9a-f]{40,}"),
    _of("an OpenAI key", "sk-proj- sk-svcacct- sk-admin- sk-none-", rf"sk-(?:proj|svcacct|admin|None)-{_W}{{20,}}"),
    _of(
        "an API key",
        "sk-",
        rf"sk-(?:[0-9a-f]{{32}}|(?={_W}{{0,200}}[0-9])(?={_W}{{0,200}}[A-Z]){_W}{{20,}}|lf-[0-9a-f-]{{36}})",
    ),
    _of("an API key", "sk-[0-9a-f]{8}", r"sk_[0-9a-f]{48}"),
    _of("a Replicate token", "r8-", r"r8_[0-9A-Za-z]{37}"),
    _of("a Groq key", "gsk-", r"gsk_[0-9A-Za-z]{40,}"),
    _of("a Perplexity key", "pplx-", r"pplx-[0-9A-Za-z]{40,}"),
    _of("an xAI key", "xai-", r"xai-[0-9A-Za-z]{60,}"),
    _of("a Pinecone key", "pcsk-", r"pcsk_[0-9A-Za-z_]{40,}"),
    _of("an NVIDIA key", "nvapi-", rf"nvapi-{_W}{{50,}}"),
    _of("a Together key", "tgp-v1-", rf"tgp_v1_{_W}{{40,}}"),
    _of("a Fireworks key", "fw-", r"fw_[0-9A-Za-z]{22,24}" + _RIGHT),
    _of("a Cerebras key", "csk-", r"csk-[0-9a-z]{40,}"),
    _of("a Tavily key", "tvly-", rf"tvly-{_W}{{28,}}"),
    _of("a Jina key", "jina-", rf"jina_[0-9a-f]{{32}}{_W}{{20,}}"),
    _of("a Voyage key", "pa-", rf"pa-{_W}{{43}}" + _RIGHT),
    _of("a LangSmith key", "lsv2-", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    _of("a Modal secret", "as-[0-9a-z]{8}", r"as-[0-9A-Za-z]{22}" + _RIGHT),
    _of("a Kaggle token", "kgat-", r"KGAT_[0-9a-f]{32}"),
    _of("a W&B key", "wandb-v1-", rf"wandb_v1_{_W}{{20,}}"),
    _of("a W&B key", "wandb", r"wandb\W{1,3}login\W{1,4}(?:(?:--relogin|key)\W{1,4})?[0-9a-f]{40}" + _RIGHT),
    _of("a Neptune token", "eyjhcglfywrkcmvzcyi6", r"eyJhcGlfYWRkcmVzcyI6[0-9A-Za-z+/=_-]{20,}"),
    _of("a Prefect key", "pnu- pnb-", r"pn[ub]_[0-9A-Za-z]{36}"),
    _of("a trackrecord token", "trk-", r"trk_[0-9A-Za-z]{36}"),
    # people and messages
    _of("a Slack token", "xox", r"xoxe\.xox[bp]-[0-9A-Za-z-]{10,}"),
    _of("a Slack token", "xox", r"xox[abdeoprsc]-(?=[0-9A-Za-z-]{0,100}[0-9])[0-9A-Za-z-]{10,}"),
    _of("a Slack token", "xapp-", r"xapp-[0-9]-[0-9A-Za-z-]{10,}"),
    _of(
        "a Slack webhook",
        "hooks.slack.com/",
        r"(?:https://)?hooks\.slack\.com/(?:services|workflows|triggers)/[0-9A-Za-z/_-]{10,}",
    ),
    _of(
        "a Discord webhook",
        "discord.com/api discordapp.com/api",
        rf"(?:https://)?(?:canary\.|ptb\.)?discord(?:app)?\.com/api/(?:v[0-9]{{1,2}}/)?webhooks/[0-9]{{5,25}}/{_W}{{20,}}",
    ),
    _of(
        "a Discord token",
        r"m[0-9a-z-]{23,25}\.[0-9a-z-]{6}\. n[0-9a-z-]{23,25}\.[0-9a-z-]{6}\. o[0-9a-z-]{23,25}\.[0-9a-z-]{6}\.",
        rf"[MNO]{_W}{{23,25}}\.{_W}{{6}}\.{_W}{{27,40}}",
    ),
    _of(
        "a Teams webhook",
        "webhook.office.com/",
        r"(?:[a-z0-9-]{1,60}\.)?webhook\.office\.com/webhookb2/[0-9A-Za-z@/-]{40,}",
    ),
    _of("a Telegram token", ":aa", rf"[0-9]{{8,10}}:AA{_W}{{33}}", inside=True),
    _of("a Twilio key", "sk[0-9a-f]{8}", r"SK[0-9a-f]{32}" + _RIGHT),
    _of("a SendGrid key", r"sg\.", rf"SG\.{_W}{{16,32}}\.{_W}{{16,64}}"),
    _of("a Mailgun key", "key-[0-9a-f]{8}", r"key-[0-9a-f]{32}" + _RIGHT),
    _of("a Brevo key", "xkeysib-", r"xkeysib-[0-9a-f]{64}-[0-9A-Za-z]{16}"),
    _of("a Notion token", "secret-[0-9a-z]{8} ntn-", r"secret_[0-9A-Za-z]{43}" + _RIGHT + r"|ntn_[0-9A-Za-z]{40,}"),
    _of("a Linear key", "lin-api- lin-oauth-", r"lin_(?:api|oauth)_[0-9A-Za-z]{32,}"),
    _of("an Airtable token", "pat[0-9a-z]{14}", r"pat[0-9A-Za-z]{14}\.[0-9a-f]{64}"),
    _of("a Figma token", "figd-", rf"figd_{_W}{{38,}}"),
    _of("a Dropbox token", r"sl\.", rf"sl\.(?:u\.)?{_W}{{100,}}"),
    # watching
    _of("a Grafana token", "glsa- glc-", r"glsa_[0-9A-Za-z]{32}_[0-9A-Fa-f]{8}|glc_[0-9A-Za-z+/]{32,}={0,2}"),
    _of("a Sentry token", "sntrys- sntryu-", r"sntrys_eyJ[0-9A-Za-z+/=_-]{40,}|sntryu_[0-9a-f]{64}"),
    _of("a New Relic key", "nrak- nrii- nrjs-", r"NR(?:AK|II|JS)-[0-9A-Za-z_-]{19,32}"),
    _of("a New Relic key", "nral", r"[0-9a-f]{36}NRAL", inside=True),
    _of("a Dynatrace token", "dt0c01", r"dt0c01\.[0-9A-Z]{24}\.[0-9A-Z]{64}"),
    # money
    _of("a Stripe key", "sk-live- sk-test- rk-live- rk-test-", r"[rs]k_(?:live|test)_[0-9A-Za-z]{16,}"),
    _of("a Stripe webhook secret", "whsec-", r"whsec_[0-9A-Za-z+/=]{24,}"),
    _of("a Shopify token", "shpat- shpca- shppa- shpss-", r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}"),
    _of("a Square token", "sq0atp- sq0csp-", rf"sq0(?:atp|csp)-{_W}{{22,}}"),
    _of("a Square token", "eaaa", r"EAAA[0-9A-Za-z+=_-]{58,}"),
    # in general
    _of("an age key", "age-secret-key-1", r"(?i:AGE-SECRET-KEY-1)[0-9A-Za-z]{58}"),
    _of("a private key", "putty-user-key-file", r"PuTTY-User-Key-File-[23]: "),
    _of("a JSON web token", "eyj", rf"eyJ{_W}{{10,}}\.eyJ{_W}{{10,}}\.{_W}{{10,}}"),
    _of(
        "an authorization header",
        "authorization",
        r"(?i:authorization)[\"'\\]{0,2}\s{0,3}[:=,]\s{0,3}[\"'\\]{0,2}(?i:bearer|basic|token|apikey|key)\s{1,3}"
        r"(?=[^\s\"']{0,400}[0-9])[^\s\"'{}<>$()\[\]]{8,}",
    ),
    _of("a bearer token", "bearer", r"(?i:bearer)\s{1,3}(?=[0-9A-Za-z._~+/=-]{0,400}[0-9])[0-9A-Za-z._~+/=-]{20,}"),
)

PEM_BEGINS = re.compile(r"-----BEGIN (?:[A-Z]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
PEM_ENDS = re.compile(r"-----END [A-Z ]{1,40}-----")
