"""Words of speakers, made by PyJWT as Open WebUI makes them, and forged ones with the reason for which each is refused.

Arguments: the secret, the time in seconds, and the address of the person. Prints a JSON object.
"""

import base64
import hashlib
import hmac
import json
import sys

import jwt

SECRET, NOW, EMAIL = sys.argv[1], int(sys.argv[2]), sys.argv[3]
LIFE = 300

# As open_webui/utils/headers.py (0.12.4) writes them.
CLAIMS = {
    "sub": "6e5a4f10-2a4e-4b57-9a40-0d9f4d1c2b3a",
    "email": EMAIL,
    "name": "A Person",
    "role": "user",
    "iss": "open-webui",
    "iat": NOW,
    "exp": NOW + LIFE,
}


def sign(key=SECRET, algorithm="HS256", headers=None, **changes):
    """A word by PyJWT. A change to None leaves the claim out."""
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def encode(part):
    text = part if isinstance(part, bytes) else part.encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def raw(header, payload, key=SECRET, hash=hashlib.sha256):
    """A word that PyJWT refuses to make, with the right signature for its bytes."""
    header = header if isinstance(header, (str, bytes)) else json.dumps(header)
    payload = payload if isinstance(payload, (str, bytes)) else json.dumps(payload)
    signed = f"{encode(header)}.{encode(payload)}"
    return f"{signed}.{encode(hmac.new(key.encode(), signed.encode(), hash).digest())}"


HEADER = {"alg": "HS256", "typ": "JWT"}
GOOD = sign()
HEAD, PAYLOAD, SIGNATURE = GOOD.split(".")


def with_header(**changes):
    return raw({**HEADER, **changes}, CLAIMS)


def with_claim(text):
    """The claims with one more member, written as it stands."""
    return raw(HEADER, json.dumps(CLAIMS)[:-1] + "," + text + "}")


def flip(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def admin():
    """The payload replaced, the signature kept."""
    return f"{HEAD}.{encode(json.dumps({**CLAIMS, 'email': 'admin@example.com'}))}.{SIGNATURE}"


good = {
    "as Open WebUI signs it": GOOD,
    "the address in upper case": sign(email=EMAIL.upper()),
    "from a clock that runs a minute ahead": sign(iat=NOW + 60, exp=NOW + LIFE),
    "with the longest life": sign(iat=NOW - 1, exp=NOW + 3599),
    "with the role of an administrator": sign(role="admin"),
    "without a name and a role": sign(name=None, role=None),
    "without a type": raw({"alg": "HS256"}, CLAIMS),
    "with claims of others": sign(groups=["Admins"], tid="x", scope="everything"),
}

MALFORMED, ALGORITHM, SIGNED = "malformed_token", "forbidden_algorithm", "bad_signature"
MISSING, CLAIM = "missing_claim", "malformed_claim"
TIME, EARLY, LONG = "expired", "not_yet_valid", "lives_too_long"

forged = [
    ("nothing", MALFORMED, ""),
    ("one segment", MALFORMED, "word"),
    ("two segments", MALFORMED, f"{HEAD}.{PAYLOAD}"),
    ("four segments", MALFORMED, GOOD + ".e30"),
    ("five segments of an encrypted token", MALFORMED, ".".join([HEAD, PAYLOAD, SIGNATURE, HEAD, PAYLOAD])),
    ("padding", MALFORMED, GOOD + "="),
    ("the other alphabet of base64", MALFORMED, f"{HEAD}.{PAYLOAD}.+/{SIGNATURE[2:]}"),
    ("a space before it", MALFORMED, " " + GOOD),
    ("a space behind it", MALFORMED, GOOD + " "),
    ("two words", MALFORMED, f"{GOOD}, {GOOD}"),
    ("a scheme", MALFORMED, "Bearer " + GOOD),
    ("a header that is no JSON", MALFORMED, raw("alg", CLAIMS)),
    ("a header that is a list", MALFORMED, raw("[]", CLAIMS)),
    ("a header with two algorithms", MALFORMED, raw('{"alg":"HS256","alg":"none"}', CLAIMS)),
    ("an algorithm that is no text", MALFORMED, raw('{"alg":["HS256"]}', CLAIMS)),
    ("a payload that is no JSON", MALFORMED, raw(HEADER, "email")),
    ("a payload that is a list", MALFORMED, raw(HEADER, "[]")),
    ("a payload with two addresses", MALFORMED, with_claim('"email":"admin@example.com"')),
    ("a payload with two addresses, one escaped", MALFORMED, with_claim('"\\u0065mail":"admin@example.com"')),
    ("a payload that is not UTF-8", MALFORMED, raw(HEADER, b'{"email":"\xff"}')),
    ("a byte order mark", MALFORMED, raw(HEADER, "\ufeff" + json.dumps(CLAIMS))),
    ("more than 4 KiB", MALFORMED, sign(name="x" * 4096)),
    ("no algorithm", ALGORITHM, raw({"typ": "JWT"}, CLAIMS)),
    ("the algorithm none", ALGORITHM, jwt.encode(CLAIMS, None, algorithm="none")),
    ("the algorithm None", ALGORITHM, with_header(alg="None")),
    ("the algorithm nOnE without a signature", ALGORITHM, encode('{"alg":"nOnE"}') + f".{PAYLOAD}."),
    ("HS384 with the same secret", ALGORITHM, sign(algorithm="HS384")),
    ("HS512 with the same secret", ALGORITHM, sign(algorithm="HS512")),
    ("RS256 in the header", ALGORITHM, with_header(alg="RS256")),
    ("EdDSA in the header", ALGORITHM, with_header(alg="EdDSA")),
    ("the algorithm in lower case", ALGORITHM, with_header(alg="hs256")),
    ("an extension that must be understood", "critical_header", with_header(crit=["exp"])),
    ("a payload that is not encoded", "critical_header", with_header(b64=False)),
    ("another secret", SIGNED, sign(key=SECRET[::-1])),
    ("no secret", SIGNED, raw(HEADER, CLAIMS, key="")),
    ("the secret's beginning", SIGNED, raw(HEADER, CLAIMS, key=SECRET[:16])),
    ("no signature", SIGNED, f"{HEAD}.{PAYLOAD}."),
    ("half of the signature", SIGNED, f"{HEAD}.{PAYLOAD}.{SIGNATURE[:20]}"),
    ("a changed signature", SIGNED, f"{HEAD}.{PAYLOAD}.{flip(SIGNATURE, 3)}"),
    ("another hash", SIGNED, raw(HEADER, CLAIMS, hash=hashlib.sha512)),
    ("another person with the signature of this one", SIGNED, admin()),
    ("a key of its own in the header", SIGNED, raw({**HEADER, "jwk": {"kty": "oct", "k": encode("k")}}, CLAIMS, key="k")),
    ("an address of keys in the header", SIGNED, raw({**HEADER, "jku": "http://127.0.0.1:1/"}, CLAIMS, key="k")),
    ("an access token by its type", "wrong_type", with_header(typ="at+jwt")),
    ("a logout token by its type", "wrong_type", with_header(typ="logout+jwt")),
    ("no issuer", MISSING, sign(iss=None)),
    ("an issuer that is no text", CLAIM, raw(HEADER, {**CLAIMS, "iss": ["open-webui"]})),
    ("another issuer", "wrong_issuer", sign(iss="open-webui.example.com")),
    ("the issuer in upper case", "wrong_issuer", sign(iss="Open-WebUI")),
    ("for another audience", "wrong_audience", sign(aud="https://models.example.com")),
    ("no end", MISSING, sign(exp=None)),
    ("an end of null", MISSING, raw(HEADER, {**CLAIMS, "exp": None})),
    ("an end that is text", CLAIM, raw(HEADER, {**CLAIMS, "exp": str(NOW + LIFE)})),
    ("an end far beyond time", CLAIM, raw(HEADER, {**CLAIMS, "exp": 1e300})),
    ("an end that is now", TIME, sign(iat=NOW - LIFE, exp=NOW)),
    ("an end an hour ago", TIME, sign(iat=NOW - 3900, exp=NOW - 3600)),
    ("no beginning", MISSING, sign(iat=None)),
    ("a beginning before time", CLAIM, raw(HEADER, {**CLAIMS, "iat": -1})),
    ("a beginning 61 seconds ahead", EARLY, sign(iat=NOW + 61, exp=NOW + 61 + LIFE)),
    ("not before 61 seconds ahead", EARLY, sign(nbf=NOW + 61)),
    ("a life of an hour and a second", LONG, sign(iat=NOW - 1, exp=NOW + 3600)),
    ("a life of ten years", LONG, sign(exp=NOW + 10 * 365 * 86400)),
    ("no address", MISSING, sign(email=None)),
    ("an empty address", CLAIM, sign(email="")),
    ("two addresses", CLAIM, raw(HEADER, {**CLAIMS, "email": [EMAIL]})),
    ("an address with a name", CLAIM, sign(email=f"A Person <{EMAIL}>")),
    ("an address with two at signs", CLAIM, sign(email=f"admin@example.com@{EMAIL}")),
    ("an address with a line break", CLAIM, sign(email=f"{EMAIL}\r\nX-User-Admin: true")),
    ("an address in other letters", CLAIM, sign(email="\u0430lice@example.com")),
]

print(json.dumps({"good": good, "forged": [{"name": n, "reason": r, "word": w} for n, r, w in forged]}))
