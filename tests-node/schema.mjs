// Reads {"schema": …, "documents": […]} on standard input and prints, for each document, whether it fits.
import Ajv from 'ajv/dist/2020.js';

let text = '';
for await (const piece of process.stdin) text += piece;
const { schema, documents } = JSON.parse(text);
const fits = new Ajv({ strict: true, allowUnionTypes: true }).compile(schema);
console.log(JSON.stringify(documents.map((document) => fits(document))));
