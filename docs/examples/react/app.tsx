/// <reference lib="dom" />
import { useQuery } from "@tanstack/react-query";
import { type QueryRules, useFallbackInterval, useSyncedQueries } from "@tidegate/client/query";
import { useSSEEvent, useSSEStatus } from "@tidegate/client/react";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Chapter, Task } from "./desk.ts";

/** While there is no stream, the page asks as it did before it had one. */
const FALLBACK_MS = 3_000;
const TOAST_MS = 6_000;

const rules: QueryRules = {
  "task.progress-updated": ({ data: { taskId, progress } }) => ({
    patch: ["tasks"],
    update: (tasks: readonly Task[]) => tasks.map((task) => task.id === taskId ? { ...task, progress } : task),
    isNewer: (tasks: readonly Task[]) => tasks.some((task) => task.id === taskId && progress > task.progress),
  }),
  "task.status-changed": () => ({ invalidate: ["tasks"] }),
  "content.updated": () => ({ invalidate: ["chapters"] }),
};

export function App() {
  useSyncedQueries(rules);
  return (
    <>
      <header>
        <h1>Writing desk</h1>
        <Status />
      </header>
      <main>
        <Tasks />
        <Chapters />
      </main>
      <Toasts />
    </>
  );
}

function Status() {
  const { status, isLost } = useSSEStatus();
  const text = isLost || status === "closed"
    ? "No connection. What you see may be old."
    : WORDS[status] ?? "Connecting";
  return <p className={`status ${isLost ? "lost" : status}`} role="status" data-testid="status">{text}</p>;
}

const WORDS: Readonly<Record<string, string>> = { open: "Live", polling: "Live, by polling" };

function Tasks() {
  const { data: tasks = [] } = useQuery({
    queryKey: ["tasks"],
    queryFn: () => read<readonly Task[]>("/api/tasks"),
    refetchInterval: useFallbackInterval(FALLBACK_MS),
  });
  const [isStarting, setStarting] = useState(false);
  const start = async () => {
    if (isStarting) return;
    setStarting(true);
    // Not read anew here: the event that it was started does that, in every tab.
    await fetch("/api/tasks", { method: "POST" }).catch(() => {});
    setStarting(false);
  };
  return (
    <section aria-labelledby="tasks">
      <div className="bar">
        <h2 id="tasks">Tasks</h2>
        {/* Not `disabled`, which would take the focus from whoever has just pressed Enter. */}
        <button type="button" onClick={() => void start()} aria-disabled={isStarting} data-testid="start">
          Write the next chapter
        </button>
      </div>
      <ul data-testid="tasks">
        {tasks.map(({ id, title, status, progress }) => (
          <li key={id} className="task" data-testid={`task-${id}`}>
            <label htmlFor={`progress-${id}`}>{title}</label>
            <progress id={`progress-${id}`} value={progress} max={100} />
            <span>{status === "running" ? `${progress} %` : "done"}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Chapters() {
  const { data: chapters = [] } = useQuery({
    queryKey: ["chapters"],
    queryFn: () => read<readonly Chapter[]>("/api/chapters"),
    refetchInterval: useFallbackInterval(FALLBACK_MS),
  });
  return (
    <section aria-labelledby="chapters">
      <h2 id="chapters">Chapters</h2>
      {chapters.length === 0 ? <p className="none">None is written yet.</p> : null}
      <ol data-testid="chapters">
        {chapters.map(({ id, title, words }) => (
          <li key={id}>
            {title} <span>{words.toLocaleString("en")} words</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

interface Toast {
  readonly id: string;
  readonly title: string;
}

/** Each notification is shown, also when several come at once: that is what `useSSEEvent` is for. */
function Toasts() {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const log = useRef<HTMLDivElement>(null);
  useSSEEvent("system.notification-sent", ({ data: { notificationId: id, title } }) => {
    setToasts((shown) => [...shown, { id, title }]);
  });
  const remove = useCallback((id: string) => setToasts((shown) => shown.filter((toast) => toast.id !== id)), []);
  const dismiss = (id: string) => {
    remove(id);
    // The button that had the focus goes with its toast.
    log.current?.focus();
  };
  return (
    <div className="toasts" role="log" aria-label="Notifications" tabIndex={-1} ref={log} data-testid="toasts">
      {toasts.map((toast) => <ToastCard key={toast.id} toast={toast} onOver={remove} onDismiss={dismiss} />)}
    </div>
  );
}

interface ToastCardProps {
  readonly toast: Toast;
  readonly onOver: (id: string) => void;
  readonly onDismiss: (id: string) => void;
}

/** Goes by itself, but not while it is pointed at or has the focus: nobody is hurried. */
function ToastCard({ toast: { id, title }, onOver, onDismiss }: ToastCardProps) {
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return;
    const timer = setTimeout(() => onOver(id), TOAST_MS);
    return () => clearTimeout(timer);
  }, [id, isHeld, onOver]);
  const hold = () => setHeld(true);
  const release = () => setHeld(false);
  return (
    <div className="toast" onMouseEnter={hold} onMouseLeave={release} onFocus={hold} onBlur={release}>
      <span>{title}</span>
      <button type="button" aria-label={`Dismiss: ${title}`} onClick={() => onDismiss(id)}>×</button>
    </div>
  );
}

async function read<Value>(path: string): Promise<Value> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`Cannot read ${path}: ${response.status}`);
  return await response.json();
}
