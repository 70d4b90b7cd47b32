// Evaluates JSONata expressions by the reference implementation: [{expression, variables}] on standard input,
// [{result} or {error}] on standard output. An expression without a result has neither.
import jsonata from "jsonata";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const answers = [];
for (const { expression, variables } of JSON.parse(text)) {
  try {
    answers.push({ result: await jsonata(expression).evaluate(undefined, variables) });
  } catch (error) {
    answers.push({ error: error.message });
  }
}
process.stdout.write(JSON.stringify(answers));
