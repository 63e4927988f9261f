// The page: GraphiQL with its explorer, talking to the server that it came from.
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './page.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { useEffect } from 'react';
import { createRoot } from 'react-dom/client';

import icon from './icon.svg';
import { starters } from './starters';

// Beside the page, so that it works behind a proxy's path too: `/` and `/graphql` both show it.
const url = new URL('graphql', location.href).href;

const fetcher = createGraphiQLFetcher({
  url,
  // wss: where the page came by https:.
  subscriptionUrl: url.replace('http', 'ws'),
  // The server answers in one piece, and then says by the status what became of a request.
  enableIncrementalDelivery: false,
});

// GraphiQL looks at the system's colours once; its editors would stay dark on a page turned light.
function SystemColours() {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();
  useEffect(() => {
    const system = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setTheme(theme);
    system.addEventListener('change', follow);
    return () => system.removeEventListener('change', follow);
  }, [theme, setTheme]);
  return null;
}

createRoot(document.getElementById('playground')).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={[HISTORY_PLUGIN, explorerPlugin()]}
    defaultTabs={starters}
    defaultEditorToolsVisibility="variables"
  >
    <GraphiQL.Logo>
      <a className="graphiql-logo-link" href={url}>
        <img src={icon} alt="" /> repairshop
      </a>
    </GraphiQL.Logo>
    <SystemColours />
  </GraphiQL>,
);
