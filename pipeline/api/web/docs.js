/** The API's documentation, built from its OpenAPI description without third-party scripts. */

import { h, inline } from "./dom.js";

const main = document.querySelector("#main");
const response = await fetch("openapi.json");
const api = await response.json();

main.append(
  h(
    "div.intro",
    {},
    h("h1", {}, `${api.info.title} ${api.info.version}`),
    prose(api.info.description),
    h("p", {}, h("a", { href: "openapi.json" }, "openapi.json"), " is the machine-readable description."),
  ),
  ...Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, route]) => section(method, path, route)),
  ),
);

function section(method, path, route) {
  return h(
    "section.panel.route",
    {},
    h("h2", {}, h("span.method", {}, method.toUpperCase()), h("code", {}, path)),
    h("p", {}, h("strong", {}, route.summary)),
    route.description && prose(route.description),
    route.parameters?.length && parameters(route.parameters),
    route.requestBody && body(route.requestBody.content["application/json"]),
    h("p.answers", {}, Object.entries(route.responses).map(([status, answer]) => h("span", {}, `${status} ${answer.description}`))),
    method === "get" && !path.includes("{") && h("p", {}, h("a", { href: path.slice(1) }, "Try it")),
  );
}

function parameters(list) {
  const rows = list.map(({ name, in: where, required, schema, description }) =>
    h("tr", {}, h("th", { scope: "row" }, h("code", {}, name)), h("td", {}, required ? `${where}, required` : where), h("td", {}, type(schema)), h("td", {}, inline(description ?? ""))),
  );
  const head = ["Name", "In", "Type", ""].map((text) => h("th", { scope: "col" }, text));
  return h("div.table-box", {}, h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)));
}

function body({ schema, examples = {} }) {
  const one = schema.anyOf?.find((option) => option.type !== "null") ?? schema;
  const { properties, required = [] } = api.components.schemas[one.$ref.split("/").pop()];
  const fields = Object.entries(properties).map(([name, field]) => ({
    name, in: "body", required: required.includes(name), schema: field, description: field.description,
  }));
  const shown = Object.values(examples).map(({ summary, value }) => [h("p", {}, summary), h("pre", {}, JSON.stringify(value, null, 2))]);
  return [parameters(fields), shown];
}

function type(schema) {
  const one = schema.anyOf?.find((option) => option.type !== "null") ?? schema;
  const range = one.minimum !== undefined && one.maximum !== undefined ? ` ${one.minimum}–${one.maximum}` : "";
  const preset = schema.default !== undefined && schema.default !== null ? `, default ${schema.default}` : "";
  return `${one.enum?.join(" | ") ?? one.format ?? one.type}${range}${preset}`;
}

/** Convert the Markdown of the descriptions: paragraphs and lists. */
function prose(text) {
  return h(
    "div",
    {},
    text.trim().split("\n\n").map((block) =>
      block.startsWith("* ")
        ? h("ul", {}, block.split(/^\* /m).slice(1).map((entry) => h("li", {}, inline(entry))))
        : h("p", {}, inline(block)),
    ),
  );
}

