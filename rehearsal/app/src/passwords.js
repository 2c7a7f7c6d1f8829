import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(scrypt);

/** `scrypt$<salt>$<key>`, both in hex. */
export async function hash(password, salt = randomBytes(16)) {
  return `scrypt$${salt.toString("hex")}$${(await derive(password, salt, 32)).toString("hex")}`;
}

export async function verify(password, stored) {
  const [, salt, key] = stored.split("$");
  return timingSafeEqual(await derive(password, Buffer.from(salt, "hex"), 32), Buffer.from(key, "hex"));
}
