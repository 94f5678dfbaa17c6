"""Types of settings: forms of text, and settings that belong together."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# The form that browsers send: in lower case, without a path; neither "null" nor "*".
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[^/*A-Z]+$")]
# The form of the header Host, without a port.
Hostname = Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]+$", to_lower=True)]
# Files of secrets often end with a line break, which a header cannot contain.
Token = Annotated[str, StringConstraints(strip_whitespace=True, min_length=16)]
# The form of RFC 6750, section 2.1.
BearerToken = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9._~+/-]{16,}=*$")
]
# One address of a content security policy: no parameter, no wildcard, nothing that ends a
# directive.
Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s;,'\"?#*]+$")]


class CdnSettings(BaseModel):
    """The CloudFront distribution of the artifacts bucket, and its signing key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str = Field(description="Its host name, e.g. d111111abcdef8.cloudfront.net")
    key_id: str = Field(description="Id of the public key in its trusted key group")
    key_parameter: str = Field(description="SSM parameter that holds the private key, in PEM")


class SignIn(BaseModel):
    """The sign-in of the web page: an OAuth 2.0 client without a secret, and its provider."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    authorize: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] = Field(
        description="The authorization endpoint; it may have query parameters"
    )
    token: Address = Field(description="The token endpoint")
    client_id: str = Field(
        description="The page's client id; it uses the authorization code flow with PKCE"
    )
    scope: str = Field("openid", description="The requested scope")
