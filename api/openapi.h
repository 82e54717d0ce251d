#pragma once

// The description of the API that /v1/openapi.json gives, made from the table of routes.

// OpenAPI 3.1 as text, NUL-terminated, for free(). NULL: no memory.
char *openapi_print(const char *version);
