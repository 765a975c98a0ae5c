"""PyJWT and joserfc, as others would use them.

    peers.py LIBRARY make            tokens of these claims in every algorithm, keys made anew
    peers.py LIBRARY judge           judges tokens

LIBRARY is PyJWT or joserfc. Both read JSON from standard input and write one JSON object a line.
make reads {"claims"} and writes {"algorithm", "jwk", "pem", "token"}; jwk and pem are public, except for HS*.
judge reads lines {"name", "token", "jwks", "issuer", "audience"} and writes {"name", "accepted", "why"}.
"""

import json
import sys
import warnings

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

HMAC = {"HS256": 32, "HS384": 48, "HS512": 64}
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
ALGORITHMS = [*HMAC, *RSA, *CURVES, "EdDSA"]
LEEWAY_SECONDS = 60


def pem_pair(algorithm):
    """The private and the public key in PEM."""
    if algorithm in CURVES:
        key = ec.generate_private_key(CURVES[algorithm]())
    elif algorithm == "EdDSA":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


def members(algorithm, kid):
    return {"alg": algorithm, "use": "sig", "kid": kid}


class PyJWT:
    def make(self, algorithm, claims):
        import jwt
        import secrets

        kid, own = f"PyJWT-{algorithm}", jwt.get_algorithm_by_name(algorithm)
        if algorithm in HMAC:
            key = secrets.token_bytes(HMAC[algorithm])
            jwk, pem = own.to_jwk(key, as_dict=True), None
        else:
            key, public = pem_pair(algorithm)
            jwk, pem = own.to_jwk(own.prepare_key(public), as_dict=True), public.decode()
        jwk.pop("key_ops", None)
        token = jwt.encode(claims, key, algorithm, headers={"kid": kid})
        return {**jwk, **members(algorithm, kid)}, pem, token

    def judge(self, token, jwks, issuer, audience):
        import jwt

        header = jwt.get_unverified_header(token)
        keys = jwt.PyJWKSet.from_dict(jwks).keys
        fitting = [key for key in keys if "kid" not in header or key.key_id == header["kid"]]
        if len(fitting) != 1:
            raise ValueError(f"{len(fitting)} keys of that id")
        jwt.decode(
            token,
            fitting[0],
            algorithms=[key.algorithm_name for key in keys],
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud"]},
        )


class Joserfc:
    def make(self, algorithm, claims):
        from joserfc import jwt
        from joserfc.jwk import import_key, OctKey

        kid = f"joserfc-{algorithm}"
        if algorithm in HMAC:
            key, pem = OctKey.generate_key(8 * HMAC[algorithm]), None
        else:
            private, public = pem_pair(algorithm)
            kind = "EC" if algorithm in CURVES else "OKP" if algorithm == "EdDSA" else "RSA"
            key, pem = import_key(private, kind), public.decode()
        token = jwt.encode({"alg": algorithm, "kid": kid}, claims, key, algorithms=[algorithm])
        jwk = key.as_dict(private=pem is None)
        return {**jwk, **members(algorithm, kid)}, pem, token

    def judge(self, token, jwks, issuer, audience):
        from joserfc import jwt
        from joserfc.jwk import KeySet

        keys = KeySet.import_key_set(jwks)
        algorithms = sorted({key["alg"] for key in jwks["keys"]})
        claims = jwt.decode(token, keys, algorithms=algorithms).claims
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        registry.validate(claims)


def make(library):
    claims = json.load(sys.stdin)["claims"]
    for algorithm in ALGORITHMS:
        jwk, pem, token = library.make(algorithm, claims)
        print(json.dumps({"algorithm": algorithm, "jwk": jwk, "pem": pem, "token": token}))


def judge(library):
    for line in sys.stdin:
        case = json.loads(line)
        why = ""
        try:
            library.judge(case["token"], case["jwks"], case["issuer"], case["audience"])
        except Exception as error:  # whatever a library raises is its way of refusing
            why = f"{type(error).__name__}: {error}"
        print(json.dumps({"name": case["name"], "accepted": not why, "why": why}))


if __name__ == "__main__":
    # joserfc says of EdDSA that its name is deprecated (RFC 9864); it is what most issuers write.
    warnings.simplefilter("ignore")
    _, name, what = sys.argv
    {"make": make, "judge": judge}[what]({"PyJWT": PyJWT, "joserfc": Joserfc}[name]())
