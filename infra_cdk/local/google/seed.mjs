// The start state of `emulate`, read from the proxy's store each time it starts: whatever was in the
// mailboxes is there again, with the same ids, also after a crash. History does not survive: `floor`
// says from where it is whole, and the proxy answers 404 to older cursors, as Gmail may at any time.
import { DatabaseSync } from "node:sqlite";

const db = new DatabaseSync(process.env.HASTE_GOOGLE_STORE);
db.exec("pragma busy_timeout = 5000");

const floor = `${Date.now()}00000000`;
db.prepare("update mailboxes set floor = ? where used").run(floor);

const mailboxes = db.prepare("select address from mailboxes order by rowid").all();
const upstreamTokens = Number(process.env.HASTE_GOOGLE_TOKENS);
const tokens = {};
for (const { address } of mailboxes)
  for (let n = 0; n < upstreamTokens; n++) tokens[`upstream-${n}-${address}`] = { login: address };

const PLACEHOLDER = Buffer.from("MIME-Version: 1.0\r\n\r\n");
const messages = db
  .prepare("select * from messages order by position")
  .all()
  .map((row) => ({
    id: row.id,
    user_email: row.mailbox,
    thread_id: row.thread_id,
    label_ids: JSON.parse(row.labels),
    internal_date: row.internal_date,
    raw: Buffer.from(row.refused ? PLACEHOLDER : row.raw).toString("base64url"),
  }));

const labels = db
  .prepare("select mailbox, id, name from labels")
  .all()
  .map((row) => ({ user_email: row.mailbox, id: row.id, name: row.name }));

const oauth_clients = JSON.parse(process.env.HASTE_GOOGLE_CLIENTS);
db.close();

export default {
  google: { users: mailboxes.map(({ address }) => ({ email: address })), oauth_clients, labels, messages },
  tokens,
};
