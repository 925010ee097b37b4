//! A client of a WebSocket on a server, with TLS or without: says a word and hears it, waits until the server closes, connects
//! again.

use crate::server::Server;

/// Says what it hears, and connects again when the server closes the connection.
const CLIENT: &str = r#"
import asyncio
import ssl
import sys
import time

import websockets


scheme = sys.argv[1]
# The machine's own certificate is signed by nobody.
tls = {"ssl": ssl._create_unverified_context()} if scheme == "wss" else {}


async def talk(word, until_closed):
    async with websockets.connect(f"{scheme}://127.0.0.1/chat", **tls) as socket:
        await socket.send(word)
        print(await socket.recv(), flush=True)
        if until_closed:
            try:
                await socket.recv()
            except websockets.ConnectionClosed as closed:
                print(closed.rcvd.code if closed.rcvd else closed, flush=True)


async def main():
    await talk("one", True)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            return await talk("two", False)
        except (OSError, websockets.WebSocketException):
            await asyncio.sleep(0.2)


asyncio.run(main())
"#;

/// Starts the client, which says `one` to `/chat` by way of nginx, and waits until it has heard that. The scheme is `ws` or `wss`.
#[track_caller]
pub fn start_client(machine: &impl Server, scheme: &str) {
    machine.sh(&format!("cat >/root/client.py <<'END'\n{CLIENT}END"));
    machine.sh("rm -f /root/heard");
    machine.sh(&format!("(python3 /root/client.py {scheme} >/root/heard 2>&1 &)"));
    wait_for(machine, "one");
}

/// What the client has heard, with the code by which its connection was closed, when it has connected again and said `two`.
#[track_caller]
pub fn heard(machine: &impl Server) -> String {
    wait_for(machine, "two");
    machine.sh("cat /root/heard")
}

#[track_caller]
fn wait_for(machine: &impl Server, word: &str) {
    let wait =
        format!("for i in $(seq 200); do grep -q {word} /root/heard && exit; sleep 0.2; done; cat /root/heard; exit 1");
    machine.sh(&wait);
}
