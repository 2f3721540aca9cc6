/**
 * The simple commands of a shell script as their words, in order; those of `$(…)` come as commands of their own. It knows
 * what documents use: quotes, comments, continued lines, pipes and lists. Redirections and assignments are no words.
 *
 * @throws SyntaxError when a quote or a `$(` does not end
 */
export function shellCommands(script: string): string[][] {
  const commands: string[][] = [];
  let words: string[] = [];
  let word: string | undefined;
  let isRedirected = false;
  const endWord = () => {
    if (word !== undefined && !isRedirected) words.push(word);
    if (word !== undefined) isRedirected = false;
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };
  for (let at = 0; at < script.length; at++) {
    const rest = script.slice(at);
    const [quoted] = /^'[^']*'|^"(?:[^"\\]|\\[^])*"/.exec(rest) ?? [];
    const character = rest.charAt(0);
    if (quoted !== undefined) {
      if (quoted.startsWith('"')) commands.push(...substitutions(quoted));
      word = (word ?? "") + quoted.slice(1, -1);
      at += quoted.length - 1;
    } else if (rest.startsWith("$(")) {
      const end = script.indexOf(")", at);
      if (end === -1) throw new SyntaxError("a $( does not end");
      commands.push(...shellCommands(script.slice(at + 2, end)));
      word = (word ?? "") + "$()";
      at = end;
    } else if (character === "'" || character === '"') throw new SyntaxError("a quote does not end");
    else if (rest.startsWith("\\\n")) at++;
    else if (character === "#" && word === undefined) at += rest.split("\n", 1)[0]?.length ?? 0, at--;
    else if (/^[|&;\n]/.test(rest)) endCommand();
    else if (/^[<>]/.test(rest)) {
      endWord();
      isRedirected = true;
    } else if (/^\s/.test(rest)) endWord();
    else word = (word ?? "") + character;
  }
  endCommand();
  return commands;
}

function substitutions(quoted: string): string[][] {
  return [...quoted.matchAll(/\$\(([^)]*)\)/g)].flatMap(([, inner = ""]) => shellCommands(inner));
}
