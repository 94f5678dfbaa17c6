const js = require("@eslint/js");
const globals = require("globals");

module.exports = [
  { ignores: ["**/*", "!pipeline/", "!pipeline/api/", "!pipeline/api/web/", "!pipeline/api/web/*.js"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: "latest", sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: { eqeqeq: "error", "no-var": "error", "prefer-const": "error" },
  },
];
