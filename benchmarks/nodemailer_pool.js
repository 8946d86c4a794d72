// Send mails through nodemailer's pool of 20 connections: node nodemailer_pool.js SETTINGS
"use strict";

const settings = JSON.parse(process.argv[2]);
const nodemailer = require(settings.library);
const fs = require("node:fs");

const secure = settings.smtp.security === "starttls";
const pool = nodemailer.createTransport({
  pool: true,
  maxConnections: settings.connections,
  maxMessages: Infinity,
  host: "127.0.0.1",
  port: settings.smtp.port,
  secure: false,
  ignoreTLS: !secure,
  requireTLS: secure,
  tls: secure ? { ca: fs.readFileSync(settings.smtp.ca_file), servername: "localhost" } : undefined,
  auth: secure ? { user: settings.smtp.username, pass: settings.smtp.password } : undefined,
  name: "example.org",
});

function mail(number) {
  const to = `206${String(number % 2000000).padStart(7, "0")}@vtext.com`;
  const text = "@benchmark in Home\ndinner at 7, bring the long ladder";
  if (!settings.raw) return { from: settings.sender, to, subject: "", text };
  const head = [`From: <${settings.sender}>`, `To: <${to}>`, "Subject: ", "MIME-Version: 1.0",
    `Message-ID: <${String(number).padStart(32, "0")}@example.org>`, "Content-Type: text/plain; charset=us-ascii"];
  return { envelope: { from: settings.sender, to }, raw: head.join("\r\n") + "\r\n\r\n" + text };
}

async function main() {
  // As many wait as keep the pool busy; a library that is handed everything at once drowns in its own queue.
  let next = 0;
  const sender = async () => {
    while (next < settings.texts) await pool.sendMail(mail(next++));
  };
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  await Promise.all(Array.from({ length: settings.waiting }, sender));
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const used = process.cpuUsage(cpu);
  pool.close();
  console.log(JSON.stringify({ texts: settings.texts, seconds, cpu_s: (used.user + used.system) / 1e6 }));
}

main().catch((failed) => {
  console.error(failed.message);
  process.exit(1);
});
