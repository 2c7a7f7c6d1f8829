let config;
let token = sessionStorage.getItem("token");

/** What the server says at run time: `apiUrl`, and where errors go, if anywhere. */
export async function told() {
  config ??= await (await fetch("/config.json")).json();
  return config;
}

/** Runs one GraphQL operation; throws an Error with the first message of the API. */
export async function graphql(query, variables) {
  const { apiUrl } = await told();
  const response = await fetch(`${apiUrl}/graphql`, {
    method: "POST",
    credentials: "include", // the proxy's cookie: which of two APIs, where there are two
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors?.length) throw new Error(errors[0].message);
  return data;
}

export async function login(email, password) {
  const { login: session } = await graphql(
    "mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { token } }", { email, password });
  token = session.token;
  sessionStorage.setItem("token", token);
}

export function logout() {
  token = null;
  sessionStorage.removeItem("token");
}

export const loggedIn = () => Boolean(token);
