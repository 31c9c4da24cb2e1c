"""Small SIP/RTP endpoints on loopback, for calling a real PBX from tests.

A Phone registers as a directory user and answers INVITEs in one of several manners;
a Caller dials an extension.  Every endpoint sends PCMU frames filled with its own
byte, and counts the bytes it hears, so a test can tell who hears whom.
"""

import asyncio, collections, random, re, secrets, time

PBX = ("127.0.0.1", 5060)
DOMAIN = "pbx.test"
BETWEEN_KEYS = 0.15  # seconds: a person's fingers


def _msg(first, headers, body=""):
    lines = [first] + [f"{k}: {v}" for k, v in headers] + [f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


def _parse(data):
    head, _, body = data.decode("utf8", "replace").partition("\r\n\r\n")
    first, *rest = head.split("\r\n")
    headers = [(k.strip(), v.strip()) for k, _, v in (l.partition(":") for l in rest)]
    return first, headers, body


def _get(headers, name):
    short = {"via": "v", "from": "f", "to": "t", "call-id": "i", "contact": "m"}.get(name.lower())
    return next((v for k, v in headers if k.lower() in (name.lower(), short)), None)


class Rtp(asyncio.DatagramProtocol):
    def __init__(self, byte):
        self.byte, self.heard, self.remote, self.seq, self.last = byte, collections.Counter(), None, 0, 0
        self.ssrc = secrets.token_bytes(4)

    def connection_made(self, transport):
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, addr):
        if len(data) > 12 and (data[1] & 0x7F) == 0:
            self.heard[data[12 + 80] if len(data) > 92 else data[12]] += 1
            self.last = time.monotonic()

    async def stream(self):
        while True:
            await asyncio.sleep(0.02)
            if self.remote:
                self.seq = (self.seq + 1) & 0xFFFF
                head = (
                    bytes([0x80, 0])
                    + self.seq.to_bytes(2, "big")
                    + ((self.seq * 160) & 0xFFFFFFFF).to_bytes(4, "big")
                    + self.ssrc
                )
                self.transport.sendto(head + bytes([self.byte]) * 160, self.remote)

    async def key(self, digit):
        """Press one key for 120 ms as RFC 4733 events, payload type 101."""
        code, stamp = "0123456789*#".index(digit), (self.seq * 160) & 0xFFFFFFFF
        for i in range(9):
            self.seq = (self.seq + 1) & 0xFFFF
            end = i >= 6
            head = (
                bytes([0x80, 101 | (0x80 if i == 0 else 0)])
                + self.seq.to_bytes(2, "big")
                + stamp.to_bytes(4, "big")
                + self.ssrc
            )
            body = bytes([code, (0x80 if end else 0) | 10]) + (160 * min(i + 1, 7)).to_bytes(2, "big")
            if self.remote:
                self.transport.sendto(head + body, self.remote)
            await asyncio.sleep(0.02)


class Endpoint(asyncio.DatagramProtocol):
    """One SIP user agent with at most a few dialogs; events land in self.log as (time, text)."""

    def __init__(self, user, byte, manner="answer", delay=0.2, port=0, contact_user=""):
        self.contact_user = contact_user or user
        self.user, self.byte, self.manner, self.delay, self.want_port = user, byte, manner, delay, port
        self.log, self.dialogs, self.pending, self.tasks = [], {}, {}, set()

    def note(self, text):
        self.log.append((time.monotonic(), text))

    def said(self, text):
        return any(t == text for _, t in self.log)

    def when(self, text):
        return next((at for at, t in self.log if t == text), None)

    async def until(self, text, timeout=10.0):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.said(text):
                return True
            await asyncio.sleep(0.01)
        return False

    async def open(self):
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self.want_port))
        _, self.rtp = await loop.create_datagram_endpoint(lambda: Rtp(self.byte), local_addr=("127.0.0.1", 0))
        self._spawn(self.rtp.stream())
        return self

    def close(self):
        for t in self.tasks:
            t.cancel()
        self.transport.close()
        self.rtp.transport.close()

    def _spawn(self, coro):
        t = asyncio.ensure_future(coro)
        self.tasks.add(t)
        t.add_done_callback(self.tasks.discard)
        return t

    def connection_made(self, transport):
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def send(self, data, addr=PBX):
        if not self.transport.is_closing():
            self.transport.sendto(data, addr)

    def sdp(self):
        return (
            f"v=0\r\no={self.user} 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.rtp.port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        )

    def _media(self, body):
        port = re.search(r"m=audio (\d+)", body)
        host = re.search(r"c=IN IP4 (\S+)", body)
        if port and int(port[1]):
            self.rtp.remote = (host[1] if host else "127.0.0.1", int(port[1]))

    async def keys(self, digits):
        for digit in digits:
            await self.rtp.key(digit)
            await asyncio.sleep(BETWEEN_KEYS)

    # -- registrar side
    async def register(self, expires=3600):
        cid, seq, tag = secrets.token_hex(8), 1, secrets.token_hex(4)
        done = asyncio.get_running_loop().create_future()
        self.pending[cid] = done
        self.send(
            _msg(
                f"REGISTER sip:{DOMAIN} SIP/2.0",
                [
                    ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport"),
                    ("Max-Forwards", "70"),
                    ("From", f"<sip:{self.user}@{DOMAIN}>;tag={tag}"),
                    ("To", f"<sip:{self.user}@{DOMAIN}>"),
                    ("Call-ID", cid),
                    ("CSeq", f"{seq} REGISTER"),
                    ("Contact", f"<sip:{self.contact_user}@127.0.0.1:{self.port}>"),
                    ("Expires", str(expires)),
                ],
            )
        )
        first, _, _ = await asyncio.wait_for(done, 5)
        assert " 200 " in first, first

    # -- caller side
    async def call(self, number, name="Caller"):
        cid, tag = secrets.token_hex(8), secrets.token_hex(4)
        d = self.dialogs[cid] = dict(
            cid=cid,
            me=f'"{name}" <sip:{self.user}@{DOMAIN}>;tag={tag}',
            peer=f"<sip:{number}@{DOMAIN}>",
            target=f"sip:{number}@127.0.0.1:5060",
            seq=1,
            uac=True,
            number=number,
        )
        d["invite"] = self._request(d, "INVITE", self.sdp())
        self.send(d["invite"])
        return cid

    def _request(self, d, method, body="", seq=None, branch=None):
        d["branch"] = branch or f"z9hG4bK{secrets.token_hex(6)}"
        return _msg(
            f"{method} {d['target']} SIP/2.0",
            [
                ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch={d['branch']};rport"),
                ("Max-Forwards", "70"),
                ("From", d["me"]),
                ("To", d["peer"]),
                ("Call-ID", d["cid"]),
                ("CSeq", f"{seq or d['seq']} {method}"),
                ("Contact", f"<sip:{self.contact_user}@127.0.0.1:{self.port}>"),
            ]
            + ([("Content-Type", "application/sdp")] if body else []),
            body,
        )

    def hangup(self, cid=None):
        for d in list(self.dialogs.values()):
            if cid in (None, d["cid"]) and d.get("up"):
                d["seq"] += 1
                self.send(self._request(d, "BYE"))
                self.note("hung up")
                d["up"] = False  # frames go on until the PBX answers: it reads the BYE between frames

    def datagram_received(self, data, addr):
        if len(data) < 20:
            return
        first, headers, body = _parse(data)
        cid = _get(headers, "Call-ID")
        if first.startswith("SIP/2.0"):
            self._on_response(first, headers, body, cid)
        else:
            self._on_request(first, headers, body, cid, addr)

    def _on_response(self, first, headers, body, cid):
        code = int(first.split()[1])
        method = _get(headers, "CSeq").split()[1]
        if method == "REGISTER" and cid in self.pending:
            self.pending.pop(cid).set_result((first, headers, body))
            return
        d = self.dialogs.get(cid)
        if method == "BYE":
            self.rtp.remote = None
        if not d or method != "INVITE":
            return
        if code >= 180:
            self.note(f"got {code}")
        if code >= 200:
            d["peer"] = _get(headers, "To")
            contact = re.search(r"<([^>]+)>", _get(headers, "Contact") or "")
            if code < 300 and contact:
                d["target"] = contact[1]
            self.send(self._request(d, "ACK", branch=d["branch"] if code >= 300 else None))
            if code < 300:
                d["up"] = True
                self._media(body)
                self.note("up")

    def _reply(self, code, reason, headers, addr, tag=None, body=""):
        to = _get(headers, "To")
        if tag and "tag=" not in to:
            to += f";tag={tag}"
        out = [("Via", v) for k, v in headers if k.lower() in ("via", "v")]
        out += [
            ("From", _get(headers, "From")),
            ("To", to),
            ("Call-ID", _get(headers, "Call-ID")),
            ("CSeq", _get(headers, "CSeq")),
            ("Contact", f"<sip:{self.contact_user}@127.0.0.1:{self.port}>"),
        ]
        if body:
            out.append(("Content-Type", "application/sdp"))
        self.send(_msg(f"SIP/2.0 {code} {reason}", out, body), addr)

    def _on_request(self, first, headers, body, cid, addr):
        method = first.split()[0]
        if method == "INVITE":
            d = self.dialogs.get(cid)
            if d and d.get("up"):  # re-INVITE
                self._media(body)
                self._reply(200, "OK", headers, addr, d.get("tag"), self.sdp())
                return
            if d:
                return  # retransmission
            d = self.dialogs[cid] = dict(
                cid=cid, tag=secrets.token_hex(4), seq=100, headers=headers, addr=addr, uac=False
            )
            d["peer"], d["me"] = _get(headers, "From"), _get(headers, "To") + f";tag={d['tag']}"
            c = re.search(r"<([^>]+)>", _get(headers, "Contact"))
            d["target"] = c[1]
            d["caller"] = _get(headers, "From")
            self.note("invite")
            self._spawn(self._serve(d, headers, body, addr))
        elif method == "CANCEL":
            self._reply(200, "OK", headers, addr)
            d = self.dialogs.get(cid)
            self.note("cancelled")
            if d and not d.get("up"):
                d["dead"] = True
                self._reply(487, "Request Terminated", d["headers"], addr, d["tag"])
        elif method == "BYE":
            self._reply(200, "OK", headers, addr)
            d = self.dialogs.get(cid)
            if d:
                d["up"] = False
            self.rtp.remote = None
            reason = _get(headers, "Reason")
            self.note("bye")
            if reason:
                self.note(f"bye reason {reason}")
        elif method == "ACK":
            self.note("ack")
        else:
            self._reply(200, "OK", headers, addr)

    async def _serve(self, d, headers, body, addr):
        def say(code, reason, sdp=""):
            if not d.get("dead"):
                self._reply(code, reason, headers, addr, d["tag"], sdp)

        say(100, "Trying")
        m = self.manner
        if m == "busy":
            await asyncio.sleep(self.delay)
            say(486, "Busy Here")
        elif m == "decline":
            say(180, "Ringing")
            await asyncio.sleep(self.delay)
            say(603, "Decline")
        elif m == "dnd":
            await asyncio.sleep(self.delay)
            say(480, "Temporarily Unavailable")
        elif m == "silent":
            say(180, "Ringing")
        elif m == "deaf":  # never says a word after 100
            pass
        elif m == "error":
            say(500, "Server Internal Error")
        elif m == "notfound":
            say(404, "Not Found")
        elif m in ("answer", "early"):
            if m == "early":
                self._media(body)
                say(183, "Session Progress", self.sdp())
            else:
                say(180, "Ringing")
            await asyncio.sleep(self.delay)
            if d.get("dead"):
                return
            self._media(body)
            say(200, "OK", self.sdp())
            d["up"] = True
            self.note("answered")


async def phone(user, byte, manner="answer", delay=0.2, register=True, port=0, contact_user=""):
    e = await Endpoint(user, byte, manner, delay, port, contact_user).open()
    if register:
        await e.register()
    return e
