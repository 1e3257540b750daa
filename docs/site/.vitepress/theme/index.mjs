// VitePress' own theme, and the rule that shows the picture of the page's scheme.
import DefaultTheme from "vitepress/theme";
// oxlint-disable-next-line import/no-unassigned-import
import "./style.css";

export default DefaultTheme;
