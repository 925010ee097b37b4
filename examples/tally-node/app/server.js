// Greets each visitor with a number. On a server it serves on the socket that systemd hands over, or where PORT or SOCKET_PATH
// says; without any of them, on port 8080.
"use strict";

const http = require("node:http");

const greeting = process.env.GREETING || "Hello";
let visitors = 0;

const pages = {
    "/": () => `${greeting}, visitor ${++visitors}\n`,
    "/healthz": () => "ok\n",
};

const server = http.createServer((request, response) => {
    const answer = (status, text) => {
        response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Content-Length": Buffer.byteLength(text) });
        response.end(text);
    };
    if (request.url === "/slow") {
        setTimeout(() => answer(200, "At last.\n"), 3000);
    } else if (request.url in pages) {
        answer(200, pages[request.url]());
    } else {
        answer(404, "There is no such page.\n");
    }
});

// The first file descriptor that systemd hands over is 3 (sd_listen_fds(3)).
const place = process.env.LISTEN_FDS ? { fd: 3 } : process.env.SOCKET_PATH || process.env.PORT || 8080;
server.listen(place);

// No new connection is accepted: those wait in the socket for the next process. This one ends after its last answer.
process.on("SIGTERM", () => server.close(() => process.exit(0)));
