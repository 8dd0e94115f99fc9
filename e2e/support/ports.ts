// Where the tests find the built page, and the pages for tests. Another port lets two runs go side by side.
export const port = Number(process.env.WINDROW_TEST_PORT ?? 47831);
export const pagesPort = port + 1;
