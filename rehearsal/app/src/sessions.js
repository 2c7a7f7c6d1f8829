// Sessions are signed tokens (JWT, HS256) that live for eight hours.
import { SignJWT, jwtVerify } from "jose";
import { config } from "./config.js";

const key = () => new TextEncoder().encode(config.sessionSecret);

export function issueToken(user) {
  return new SignJWT({ email: user.email }).setProtectedHeader({ alg: "HS256" }).setSubject(String(user.id))
    .setIssuedAt().setExpirationTime("8h").sign(key());
}

/** The user of an `Authorization: Bearer` header, or null. */
export async function userOf(header) {
  if (!header?.startsWith("Bearer ")) return null;
  try {
    const { payload } = await jwtVerify(header.slice(7), key(), { algorithms: ["HS256"] });
    return { id: Number(payload.sub), email: payload.email };
  } catch {
    return null;
  }
}
