import { StrictMode, useCallback, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { graphql, loggedIn, login, logout, told } from "./api.js";
import { report } from "./errors.js";
import "./style.css";

const tell = async (error) => report((await told().catch(() => ({}))).sentry, error, location.href);
window.addEventListener("error", ({ error, message }) => tell(error ?? new Error(message)));
window.addEventListener("unhandledrejection", ({ reason }) => tell(reason));

function Login({ onDone }) {
  const [error, setError] = useState("");
  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    try {
      await login(form.get("email"), form.get("password"));
      onDone();
    } catch (failure) {
      setError(failure.message);
    }
  }
  return (
    <form onSubmit={submit} className="card">
      <h1>Jira++</h1>
      <label>Email <input name="email" type="email" required autoComplete="username" /></label>
      <label>Password <input name="password" type="password" required autoComplete="current-password" /></label>
      <button>Log in</button>
      {error && <p role="alert">{error}</p>}
    </form>
  );
}

const NEXT = { TODO: "IN_PROGRESS", IN_PROGRESS: "DONE", DONE: "TODO" };

function Issues({ onLogout }) {
  const [issues, setIssues] = useState([]);
  const [error, setError] = useState("");
  const load = useCallback(async () => {
    try {
      setIssues((await graphql("{ issues { id title status priority } }")).issues);
      setError("");
    } catch (failure) {
      setError(failure.message);
    }
  }, []);
  useEffect(() => { load(); const timer = setInterval(load, 5000); return () => clearInterval(timer); }, [load]);

  async function change(query, variables) {
    try {
      await graphql(query, variables);
      await load();
    } catch (failure) {
      setError(failure.message);
    }
  }
  async function create(event) {
    event.preventDefault();
    const title = new FormData(event.target).get("title");
    event.target.reset();
    await change("mutation ($title: String!) { createIssue(input: { title: $title }) { id } }", { title });
  }
  return (
    <main>
      <header><h1>Issues</h1><button onClick={() => { logout(); onLogout(); }}>Log out</button></header>
      <form onSubmit={create} className="row">
        <input name="title" placeholder="What is to be done?" required maxLength="200" aria-label="Title" />
        <button>Create</button>
      </form>
      {error && <p role="alert">{error}</p>}
      <ul>
        {issues.map((issue) => (
          <li key={issue.id}>
            <button className={`status ${issue.status}`} title="Next status"
              onClick={() => change("mutation ($id: ID!, $status: Status!) { updateIssue(id: $id, patch: { status: $status }) { id } }", { id: issue.id, status: NEXT[issue.status] })}>
              {issue.status.replace("_", " ").toLowerCase()}
            </button>
            <span className="title">{issue.title}</span>
            {issue.priority && <em>{issue.priority}</em>}
            <button onClick={() => change("mutation ($id: ID!) { triageIssue(id: $id) { id } }", { id: issue.id })}>Triage</button>
            <button onClick={() => change("mutation ($id: ID!) { deleteIssue(id: $id) }", { id: issue.id })}>Delete</button>
          </li>
        ))}
      </ul>
    </main>
  );
}

function App() {
  const [inside, setInside] = useState(loggedIn());
  return inside ? <Issues onLogout={() => setInside(false)} /> : <Login onDone={() => setInside(true)} />;
}

createRoot(document.getElementById("root")).render(<StrictMode><App /></StrictMode>);
